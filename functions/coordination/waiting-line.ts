export interface Admission<T> {
  /** Picks the one to begin now and counts it as begun; undefined where nobody may begin now. First come, first listed. */
  next(waiting: Iterable<T>): T | undefined;
  /** Counts one that has begun as gone. */
  gone(one: T): void;
}

/** Those who wait for room. Each entry is an object of its own, so that it can be told from others of the same kind. */
export interface WaitingLine<T> {
  /** Resolves when the entry may begin, with what gives its room to others; calling that again changes nothing. */
  enter(entry: T): Promise<() => void>;
}

/** What semaphores and gates share: who waits, who is asked next, and that room is given back once. */
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
