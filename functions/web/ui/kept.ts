/** Texts that the browser keeps by name. Where it keeps nothing, because it is forbidden or full, they last as long as the page. */

/** The part of a browser's storage that is used. */
export interface TextStorage {
  getItem(name: string): string | null;
  setItem(name: string, text: string): void;
  removeItem(name: string): void;
}

/** None of it fails. */
export interface Kept {
  /** Null: there is none. */
  get(name: string): string | null;
  /** @param text null: none any more */
  set(name: string, text: string | null): void;
}

/** @param storage may throw, as the very look at a forbidden one does */
export function createKept(storage: () => TextStorage): Kept {
  /** What the storage did not take. */
  const left = new Map<string, string | null>();
  return {
    get(name) {
      const own = left.get(name);
      if (own !== undefined) return own;
      try {
        return storage().getItem(name);
      } catch {
        return null;
      }
    },
    set(name, text) {
      try {
        if (text === null) storage().removeItem(name);
        else storage().setItem(name, text);
        left.delete(name);
      } catch {
        left.set(name, text);
      }
    },
  };
}

/** By all tabs, for good. */
export const inBrowser = createKept(() => localStorage);
/** By this tab, until it is closed. */
export const inTab = createKept(() => sessionStorage);
