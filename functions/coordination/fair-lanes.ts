import { Turns } from '../base/turns.ts';
import type { Semaphore } from './semaphore.ts';
import { createWaitingLine, inside } from './waiting-line.ts';

export interface FairLanesOptions {
  /** What the places are called where waiting for them is measured. */
  place: string;
  /** Pieces of work at a time, besides those in the slow lane. */
  places: number;
  /** How many of them are kept for owners who have none. */
  reserved: number;
  /** How many owners may have work in the slow lane; with 0 there is none. */
  slowPlaces: number;
  /** Work that takes longer moves to the slow lane when others wait, milliseconds. */
  slowAfterMs: number;
}

interface Work {
  owner: string;
  lane: 'waiting' | 'main' | 'slow';
  /** It has taken longer than slowAfterMs. */
  long: boolean;
}

/**
 * The waiting owner that was served least recently goes first, so that a task of one clip does not queue behind a hundred
 * clips of another task. With a slow lane, long work does not block others: when other owners wait, it moves there and
 * continues. An owner with work in the slow lane starts no more until that ends.
 */
export function fairLanes(
  options: Pick<FairLanesOptions, 'places'> & Partial<FairLanesOptions>,
): (owner: string) => Semaphore {
  const { place, places, reserved = 0, slowPlaces = 0, slowAfterMs = 0 } = options;
  const turns = new Turns();
  const all = new Set<Work>();
  const inLane = (lane: Work['lane'], owner?: string) =>
    [...all].filter((work) => work.lane === lane && (owner === undefined || work.owner === owner));

  const line = createWaitingLine<Work>({
    place,
    next(entries) {
      const free = places - inLane('main').length;
      const first = turns.first(
        [...entries].filter(({ owner }) => mayStart(owner, free)),
        ({ owner }) => owner,
      );
      if (first === undefined) return undefined;
      turns.take(first.owner);
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
    const onLong = () => {
      work.long = true;
      makeWay();
      line.admit();
    };
    return await inside(release, run, { longMs: slowAfterMs, onLong });
  };
}
