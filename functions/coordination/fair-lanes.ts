import { fairTurns, type Owned, type Semaphore } from './fair-semaphore.ts';
import { createWaitingLine } from './waiting-line.ts';

export interface FairLanesOptions {
  /** Pieces of work at a time, besides those in the slow lane. */
  places: number;
  /** How many of them are kept for owners who have none. */
  reserved: number;
  /** How many owners may have work in the slow lane; with 0 there is none. */
  slowPlaces: number;
  /** Work that takes longer moves to the slow lane when others wait, milliseconds. */
  slowAfterMs: number;
}

interface Work extends Owned {
  lane: 'waiting' | 'main' | 'slow';
  /** It has taken longer than slowAfterMs. */
  long: boolean;
}

/**
 * A fair semaphore that long work does not block: when other owners wait, it moves to a lane of its own and continues
 * there. An owner with work in the slow lane starts no more until that ends.
 */
export function fairLanes(options: FairLanesOptions): (owner: string) => Semaphore {
  const { places, reserved, slowPlaces, slowAfterMs } = options;
  const turns = fairTurns();
  const all = new Set<Work>();
  const inLane = (lane: Work['lane'], owner?: string) =>
    [...all].filter((work) => work.lane === lane && (owner === undefined || work.owner === owner));

  const line = createWaitingLine<Work>({
    next(entries) {
      const free = places - inLane('main').length;
      const [one, ...more] = [...entries].filter(({ owner }) => mayStart(owner, free));
      if (one === undefined) {
        if (free === places && inLane('slow').length === 0) turns.forget();
        return undefined;
      }
      const first = turns.take([one, ...more]);
      first.lane = 'main';
      return first;
    },
    gone(work) {
      all.delete(work);
      makeWay();
    },
  });

  function mayStart(owner: string, free: number): boolean {
    if (free === 0 || inLane('slow', owner).length > 0) return false;
    return free > reserved || inLane('main', owner).length === 0;
  }

  /** Moves long work to the slow lane as far as others wait for its place. */
  function makeWay(): void {
    for (const work of inLane('main').filter(({ long }) => long)) {
      const wanted = inLane('waiting').some(({ owner }) => owner !== work.owner);
      const room = inLane('slow').length < slowPlaces && inLane('slow', work.owner).length === 0;
      if (!wanted || !room || inLane('main').length < places) continue;
      work.lane = 'slow';
    }
  }

  return (owner) => async (run) => {
    const work: Work = { owner, lane: 'waiting', long: false };
    all.add(work);
    makeWay();
    const release = await line.enter(work);
    const timer = setTimeout(() => {
      work.long = true;
      makeWay();
      line.admit();
    }, slowAfterMs);
    try {
      return await run(release);
    } finally {
      clearTimeout(timer);
      release();
    }
  };
}
