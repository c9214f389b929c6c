export interface Admission<T> {
  /** Picks the one to begin now and counts it as begun; undefined where none may. In the order they came. */
  next(waiting: Iterable<T>): T | undefined;
  /** Counts one that has begun as gone. */
  gone(one: T): void;
}

/** Those who wait for room. Each entry is a separate object, which tells it from others of the same kind. */
export interface WaitingLine<T> {
  /** Resolves when the entry may begin, with the function that gives its room back; only its first call counts. */
  enter(entry: T): Promise<() => void>;
}

/** What semaphores and gates share: they wait, begin in the order that `next` picks, and give room back once. */
export function createWaitingLine<T extends object>({ next, gone }: Admission<T>): WaitingLine<T> {
  const waiting = new Map<T, () => void>();

  const admit = (): void => {
    for (let one = next(waiting.keys()); one !== undefined; one = next(waiting.keys())) {
      const begin = waiting.get(one);
      waiting.delete(one);
      begin?.();
    }
  };

  return {
    async enter(entry) {
      await new Promise<void>((begin) => {
        waiting.set(entry, begin);
        admit();
      });
      let inside = true;
      return () => {
        if (!inside) return;
        inside = false;
        gone(entry);
        admit();
      };
    },
  };
}
