/** Admits clips to encoders by the cores and the memory that each is going to take. */
import { Turns } from '../base/turns.ts';
import type { Semaphore } from './semaphore.ts';
import { createWaitingLine, inside } from './waiting-line.ts';

export interface EncoderLimits {
  /** Threads at a time, besides those of the slow lane. */
  cores: number;
  /** Encoders at a time, besides those of the slow lane. */
  encoders: number;
  /** What all of them may take together, the slow lane included, megabytes. One may always run alone. */
  memoryMb: number;
  /** Threads per encoder: between these, as many as there are cores for each of the clips that are left. */
  threads: { least: number; most: number };
  /** How many owners may have a clip in the slow lane; with 0 there is none. */
  slowPlaces: number;
  /** A clip that takes longer moves there when others wait, milliseconds. */
  slowAfterMs: number;
}

/** Of one clip that may have to be encoded. Until it is disposed of or has been, it counts as one that is left. */
export interface EncoderPlace extends Disposable {
  /** Limits the encoding, which takes about so much memory. If the signal fires first, the clip leaves the line. */
  room(memoryMb: number, signal?: AbortSignal): Semaphore;
  /** For the encoder; known once it may start. */
  readonly threads: number;
}

interface Clip {
  owner: string;
  lane: 'coming' | 'waiting' | 'main' | 'slow' | 'over';
  memoryMb: number;
  threads: number;
  /** It has taken longer than slowAfterMs. */
  long: boolean;
}

/**
 * The waiting owner that was served least recently goes first, as in fairLanes, and long work makes way for that of others
 * in the same manner: an owner does without the cores of its clip in the slow lane until that ends. A clip for which
 * memory is missing is not overtaken for ever: smaller ones start only as far as it can start, too, once those that run
 * now have ended.
 */
export function createEncoderPlaces(limits: EncoderLimits): (owner: string) => EncoderPlace {
  const { cores, encoders, memoryMb, threads, slowPlaces, slowAfterMs } = limits;
  const turns = new Turns();
  /** All that are not over. Those that run are in the order in which they started. */
  const all = new Set<Clip>();
  /** The clip for which memory was missing when it was its turn. */
  let next: Clip | undefined;

  const inLane = (lane: Clip['lane'], owner?: string) =>
    [...all].filter((clip) => clip.lane === lane && (owner === undefined || clip.owner === owner));
  const running = () => [...all].filter(({ lane }) => lane === 'main' || lane === 'slow');

  const line = createWaitingLine<Clip>({
    place: 'encoder',
    next(entries) {
      for (const clip of inTurn([...entries].filter(hasCores))) {
        if (fits(clip)) return start(clip);
        next ??= clip;
      }
      return undefined;
    },
    gone(clip) {
      clip.lane = 'over';
      all.delete(clip);
      makeWay();
    },
  });

  function inTurn(waiting: Clip[]): Clip[] {
    const byTurn = waiting.toSorted((one, other) => turns.of(one.owner) - turns.of(other.owner));
    return next !== undefined && waiting.includes(next) ? [next, ...byTurn] : byTurn;
  }

  function start(clip: Clip): Clip {
    turns.take(clip.owner);
    clip.threads = threadsFor(clip);
    clip.lane = 'main';
    if (clip === next) next = undefined;
    all.delete(clip);
    all.add(clip);
    return clip;
  }

  /** Cores that the owner may use. */
  function freeCores(owner?: string): number {
    const own = owner === undefined ? [] : inLane('slow', owner);
    return cores - total([...inLane('main'), ...own], 'threads');
  }

  function hasCores({ owner }: Pick<Clip, 'owner'>): boolean {
    const own = inLane('slow', owner).length;
    const others = inLane('main').length;
    if (others + own === 0) return true;
    return others + own < encoders && freeCores(owner) >= threads.least;
  }

  function fits(clip: Clip): boolean {
    const now = running();
    if (now.length === 0) return true;
    if (total(now, 'memoryMb') + clip.memoryMb > memoryMb) return false;
    if (next === undefined || next === clip) return true;
    // The oldest end first, until there is memory for the next clip. What starts now is still there then.
    const later = total([next, clip], 'memoryMb');
    while (now.length > 0 && total(now, 'memoryMb') + next.memoryMb > memoryMb) now.shift();
    return total(now, 'memoryMb') + later <= memoryMb;
  }

  function threadsFor({ memoryMb: mb }: Clip): number {
    const free = freeCores();
    const left = inLane('coming').length + inLane('waiting').length;
    const more = Math.min(
      left,
      Math.floor(free / threads.least),
      encoders - inLane('main').length,
      Math.floor((memoryMb - total(running(), 'memoryMb')) / mb),
    );
    return Math.max(threads.least, Math.min(threads.most, Math.floor(free / Math.max(1, more))));
  }

  /** Moves long work to the slow lane as far as others wait for its cores. */
  function makeWay(): void {
    for (const clip of inLane('main').filter(({ long }) => long)) {
      const isFull = inLane('main').length >= encoders || freeCores() < threads.least;
      const room = inLane('slow').length < slowPlaces && inLane('slow', clip.owner).length === 0;
      if (isFull && room && inLane('waiting').some((other) => other.owner !== clip.owner && fits(other))) {
        clip.lane = 'slow';
      }
    }
  }

  return (owner) => {
    const clip: Clip = { owner, lane: 'coming', memoryMb: 0, threads: threads.least, long: false };
    all.add(clip);
    const leave = (reason: unknown): never => {
      clip.lane = 'over';
      all.delete(clip);
      if (next === clip) next = undefined;
      // Others may have been held back for it.
      line.admit();
      throw reason;
    };
    return {
      room: (megabytes, signal) => async (run) => {
        Object.assign(clip, { lane: 'waiting', memoryMb: megabytes, long: false });
        all.add(clip);
        makeWay();
        const release = await line.enter(clip, signal).catch(leave);
        const onLong = () => {
          clip.long = true;
          makeWay();
          line.admit();
        };
        return await inside(release, run, { longMs: slowAfterMs, onLong });
      },
      get threads() {
        return clip.threads;
      },
      [Symbol.dispose]() {
        if (clip.lane === 'coming') all.delete(clip);
      },
    };
  };
}

function total(clips: readonly Clip[], of: 'threads' | 'memoryMb'): number {
  return clips.reduce((sum, clip) => sum + clip[of], 0);
}
