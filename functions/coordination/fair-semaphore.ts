import { createWaitingLine } from './waiting-line.ts';

/** Runs work when there is room for it. Work may give its room back early and continue without it. */
export type Semaphore = <T>(work: (release: () => void) => Promise<T>) => Promise<T>;

/** Runs all work at once. */
export const UNLIMITED: Semaphore = (work) => work(() => {});

export interface Owned {
  owner: string;
}

/** Remembers whose turn it is: the waiting owner that was served least recently goes first. */
export function fairTurns() {
  /** Owners in the order of their last turn. */
  const served = new Set<string>();
  return {
    /** Takes the next one of those that wait, and notes its owner's turn. */
    take<T extends Owned>(waiting: readonly [T, ...T[]]): T {
      const turns = [...served];
      const first = waiting.reduce((best, one) =>
        turns.indexOf(one.owner) < turns.indexOf(best.owner) ? one : best,
      );
      served.delete(first.owner);
      served.add(first.owner);
      return first;
    },
    /** Only when nothing is running: an owner without a recorded turn goes first. */
    forget: () => served.clear(),
  };
}

/**
 * Runs up to `count` pieces of work at a time. The waiting owner that was served least recently goes first, so that a
 * task of one clip does not queue behind a hundred clips of another task.
 */
export function fairSemaphore(count: number): (owner: string) => Semaphore {
  const turns = fairTurns();
  let free = count;

  const line = createWaitingLine<Owned>({
    next(entries) {
      if (free === 0) return undefined;
      const [one, ...more] = [...entries];
      if (one === undefined) {
        if (free === count) turns.forget();
        return undefined;
      }
      free -= 1;
      return turns.take([one, ...more]);
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
