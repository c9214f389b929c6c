import { TransientError } from '../base/errors.ts';
import { leavesRoom } from '../base/fair-share.ts';
import { timeLimit } from '../base/time-limit.ts';
import { createWaitingLine } from './waiting-line.ts';

/** A download, or one that waits for a place. */
export interface Wish {
  taskId: string;
  /** Who is asked for the file: the host of its URL, before any redirect. */
  host: string;
}

export interface PlaceCounts {
  /** Downloads at a time. */
  all: number;
  /** Of these, from one host. */
  perHost: number;
}

export interface PlaceOptions {
  signal: AbortSignal;
  /** How long to wait for a place before throwing 'waiting'. */
  patienceMs: number;
}

/**
 * Runs work when there is a place for its download. Rejects with TransientError 'waiting' if there is none in time, and
 * with the signal's reason.
 */
export type DownloadPlaces = <T>(wish: Wish, work: () => Promise<T>, options: PlaceOptions) => Promise<T>;

/**
 * A place costs a connection and little memory. One task that is alone gets a fifth of them: 20, and 10 from one host,
 * nearly twice what a browser opens.
 */
const COUNTS: PlaceCounts = { all: 96, perHost: 48 };

/** Bounds the downloads of this process, leaving places for other tasks, in all and at each host. */
export function createDownloadPlaces(counts: PlaceCounts = COUNTS): DownloadPlaces {
  const held = new Set<Wish>();

  const line = createWaitingLine<Wish>({
    place: 'downloader',
    next(waiting) {
      const next = nextDownload(waiting, [...held], counts);
      if (next !== undefined) held.add(next);
      return next;
    },
    gone: (wish) => held.delete(wish),
  });

  return async ({ taskId, host }, work, { signal, patienceMs }) => {
    const leave = await entered();
    try {
      return await work();
    } finally {
      leave();
    }

    async function entered(): Promise<() => void> {
      using patience = timeLimit(patienceMs, noPlace, signal);
      return await line.enter({ taskId, host }, patience.signal);
    }
  };
}

/**
 * Of the downloads that may start, the one whose task has the fewest under way, then the one that has waited longest. Pure.
 */
export function nextDownload(
  waiting: Iterable<Wish>,
  held: readonly Wish[],
  { all, perHost }: PlaceCounts,
): Wish | undefined {
  let best: { wish: Wish; ofTask: number } | undefined;
  for (const wish of waiting) {
    const atHost = held.filter(({ host }) => host === wish.host);
    const ofTask = held.filter(({ taskId }) => taskId === wish.taskId).length;
    const ofTaskAtHost = atHost.filter(({ taskId }) => taskId === wish.taskId).length;
    if (!leavesRoom(ofTask, all - held.length)) continue;
    if (!leavesRoom(ofTaskAtHost, perHost - atHost.length)) continue;
    if (best === undefined || ofTask < best.ofTask) best = { wish, ofTask };
  }
  return best?.wish;
}

function noPlace(): TransientError {
  return new TransientError('waiting', 'All places for downloads are taken, by this task or by others.');
}
