/** Runs work when there is room for it. Who needs the room no longer may leave it, and work on. */
export type Semaphore = <T>(work: (release: () => void) => Promise<T>) => Promise<T>;

/** Room for everything. */
export const UNLIMITED: Semaphore = (work) => work(() => {});

interface Waiting {
  owner: string;
  begin: () => void;
}

/**
 * Room for `count` pieces of work at a time, given to the owners in turn: of those who wait, the one whose last turn
 * is the longest ago goes first, so that a task of one clip does not queue behind a hundred of another's.
 */
export function fairSemaphore(count: number): (owner: string) => Semaphore {
  const waiting: Waiting[] = [];
  /** Owners in the order of their last turn. */
  const served = new Set<string>();
  let free = count;

  const giveRoom = (): void => {
    while (free > 0 && waiting.length > 0) {
      const turns = [...served];
      const next = waiting.reduce((best, one) =>
        turns.indexOf(one.owner) < turns.indexOf(best.owner) ? one : best,
      );
      waiting.splice(waiting.indexOf(next), 1);
      served.delete(next.owner);
      served.add(next.owner);
      free -= 1;
      next.begin();
    }
    // Kept as long as anyone waits: who forgot its turn too early would come first again.
    if (waiting.length === 0 && free === count) served.clear();
  };

  return (owner) => async (work) => {
    await new Promise<void>((begin) => {
      waiting.push({ owner, begin });
      giveRoom();
    });
    let inside = true;
    const release = (): void => {
      if (!inside) return;
      inside = false;
      free += 1;
      giveRoom();
    };
    try {
      return await work(release);
    } finally {
      release();
    }
  };
}
