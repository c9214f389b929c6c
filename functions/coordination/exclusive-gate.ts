import type { Semaphore } from './fair-semaphore.ts';
import { createWaitingLine } from './waiting-line.ts';

/** Work goes in beside other work, or alone: what may end the process must not take other work with it. */
export interface ExclusiveGate {
  beside: Semaphore;
  /** Begins when nothing else is inside; nothing else begins until it ends, or has had its time. */
  alone: Semaphore;
}

/** Work alone holds the rest up for this long at most. */
const ALONE_MS = 5_000;

/** First come, first served. */
export function createExclusiveGate(aloneMs = ALONE_MS): ExclusiveGate {
  /** How many are inside, without those whose time alone is over. */
  let inside = 0;
  let closed = false;

  const line = createWaitingLine<{ alone: boolean }>({
    next([first]) {
      if (first === undefined || closed || (first.alone && inside > 0)) return undefined;
      inside += 1;
      closed = first.alone;
      return first;
    },
    gone({ alone }) {
      inside -= 1;
      if (alone) closed = false;
    },
  });

  const through =
    (alone: boolean): Semaphore =>
    async (work) => {
      const release = await line.enter({ alone });
      const timer = alone ? setTimeout(release, aloneMs) : undefined;
      try {
        // Work alone cannot release early: it may end the process until its own end.
        return await work(alone ? () => {} : release);
      } finally {
        clearTimeout(timer);
        release();
      }
    };

  return { beside: through(false), alone: through(true) };
}
