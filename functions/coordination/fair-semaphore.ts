import { createWaitingLine } from './waiting-line.ts';

/** Runs work when there is room for it. Work may give its room back early and continue without it. */
export type Semaphore = <T>(work: (release: () => void) => Promise<T>) => Promise<T>;

/** Runs all work at once. */
export const UNLIMITED: Semaphore = (work) => work(() => {});

/**
 * Runs up to `count` pieces of work at a time. The waiting owner that was served least recently goes first, so that a
 * task of one clip does not queue behind a hundred clips of another task.
 */
export function fairSemaphore(count: number): (owner: string) => Semaphore {
  /** Owners in the order of their last turn. */
  const served = new Set<string>();
  let free = count;

  const line = createWaitingLine<{ owner: string }>({
    next(entries) {
      if (free === 0) return undefined;
      const waiting = [...entries];
      if (waiting.length === 0) {
        // Cleared only when nothing is running: an owner without a recorded turn goes first.
        if (free === count) served.clear();
        return undefined;
      }
      const turns = [...served];
      const first = waiting.reduce((best, one) =>
        turns.indexOf(one.owner) < turns.indexOf(best.owner) ? one : best,
      );
      served.delete(first.owner);
      served.add(first.owner);
      free -= 1;
      return first;
    },
    gone() {
      free += 1;
    },
  });

  return (owner) => async (work) => {
    const release = await line.enter({ owner });
    try {
      return await work(release);
    } finally {
      release();
    }
  };
}
