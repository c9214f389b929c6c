import { waitForPlace } from '../base/telemetry/spans.ts';
import { waiting as atRest } from '../base/working-time.ts';

export interface Admission<T> {
  /** What entries wait for, such as "encoder". Absent: the time that they wait is not measured. */
  place?: string | undefined;
  /** Picks the entry to start now and counts it as started; undefined if none may. `waiting` is in order of arrival. */
  next(waiting: Iterable<T>): T | undefined;
  /** Counts a started entry as ended. */
  gone(one: T): void;
}

/** Entries that wait for room, told apart by identity. */
export interface WaitingLine<T> {
  /**
   * Resolves when the entry may start, with the function that gives its room back; only its first call counts. If the
   * signal fires first, the entry leaves the line, and this rejects with the signal's reason.
   */
  enter(entry: T, signal?: AbortSignal): Promise<() => void>;
  /** Starts entries that may start by now, after what `next` depends on has changed. */
  admit(): void;
}

/** The queue behind semaphores and gates: entries wait, start in the order that `next` picks, and end once. */
export function createWaitingLine<T extends object>({ place, next, gone }: Admission<T>): WaitingLine<T> {
  const waiting = new Map<T, () => void>();

  const admit = (): void => {
    for (let one = next(waiting.keys()); one !== undefined; one = next(waiting.keys())) {
      const begin = waiting.get(one);
      waiting.delete(one);
      begin?.();
    }
  };

  const admitted = (entry: T, signal: AbortSignal | undefined) =>
    new Promise<void>((begin, reject) => {
      const leave = () => {
        waiting.delete(entry);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
      waiting.set(entry, () => {
        signal?.removeEventListener('abort', leave);
        begin();
      });
      admit();
    });

  return {
    admit,
    async enter(entry, signal) {
      signal?.throwIfAborted();
      const entering = () => admitted(entry, signal);
      await (place === undefined ? atRest(entering) : waitForPlace(place, entering));
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

/** Runs work that has entered, tells if it takes longer than that, and gives its room back at the end. */
export async function inside<T>(
  release: () => void,
  run: (release: () => void) => Promise<T>,
  { longMs, onLong }: { longMs: number; onLong: () => void },
): Promise<T> {
  const timer = setTimeout(onLong, longMs);
  try {
    return await run(release);
  } finally {
    clearTimeout(timer);
    release();
  }
}
