import type { Semaphore } from './semaphore.ts';
import { createWaitingLine } from './waiting-line.ts';

/**
 * Runs work alongside other work or alone, so that work that may crash the process does not take other work with it.
 */
export interface ExclusiveGate {
  beside: Semaphore;
  /** Starts once nothing else is running, and keeps other work waiting until it ends or its time is up. */
  alone: Semaphore;
}

/** The longest that work running alone keeps other work waiting. */
const ALONE_MS = 5_000;

/** First come, first served. */
export function createExclusiveGate(aloneMs = ALONE_MS): ExclusiveGate {
  /** How much work is running, except work alone whose time is up. */
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

  const enterAs =
    (alone: boolean): Semaphore =>
    async (work) => {
      const release = await line.enter({ alone });
      const timer = alone ? setTimeout(release, aloneMs) : undefined;
      try {
        // Work alone cannot release early: it may crash the process at any time before it ends.
        return await work(alone ? () => {} : release);
      } finally {
        clearTimeout(timer);
        release();
      }
    };

  return { beside: enterAs(false), alone: enterAs(true) };
}
