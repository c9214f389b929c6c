import type { Semaphore } from './fair-semaphore.ts';

/** Work goes in side by side, or alone: what may end the process must not take others along. */
export interface ExclusiveGate {
  beside: Semaphore;
  /** When nobody else is in there, and nobody comes in meanwhile. */
  alone: Semaphore;
}

/** Others are not held up by one that takes its time: after this they begin beside it. */
const ALONE_MS = 5_000;

/** Whoever comes first goes first. */
export function createExclusiveGate(aloneMs = ALONE_MS): ExclusiveGate {
  const waiting: { alone: boolean; enter: () => void }[] = [];
  /** Those inside, except who has been alone for too long. */
  let crowd = 0;
  let closed = false;

  const admit = (): void => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      if (closed || (next.alone && crowd > 0)) return;
      waiting.shift();
      crowd += 1;
      closed = next.alone;
      next.enter();
    }
  };

  const through =
    (alone: boolean): Semaphore =>
    async (work) => {
      await new Promise<void>((enter) => {
        waiting.push({ alone, enter });
        admit();
      });
      let counted = true;
      const release = (): void => {
        if (!counted) return;
        counted = false;
        crowd -= 1;
        if (alone) closed = false;
        admit();
      };
      const timer = alone ? setTimeout(release, aloneMs) : undefined;
      try {
        // What may end the process is alone until its end.
        return await work(alone ? () => {} : release);
      } finally {
        clearTimeout(timer);
        release();
      }
    };

  return { beside: through(false), alone: through(true) };
}
