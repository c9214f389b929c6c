/** Retries within one delivery of a push, as each refused push slows down its whole subscription. */
import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs, isWaiting } from '../adapters/shared/queue-backoff.ts';
import { TransientError } from '../base/errors.ts';

/** How long a delivery may take. */
export interface Patience {
  /** Then the work is stopped and the message handed back: shortly before the platform ends the request. */
  deliveryMs: number;
  /** How long errors are retried within a delivery. Each refused push slows down the whole subscription. */
  persistMs: number;
}

/** Pub/Sub repeats a push after 600 s without an answer. */
export const PATIENCE: Patience = { deliveryMs: 540_000, persistMs: 480_000 };
/** 20 s to read the reports, at first, 15 s for a try, and a short wait for a place. The function's requests end after 60 s. */
export const WEBHOOK_PATIENCE: Patience = { deliveryMs: 50_000, persistMs: 15_000 };
/** Each look costs a few reads. */
const WAIT_AGAIN_MS = 1_000;
const LONGEST_BACK_OFF_MS = 15_000;

/**
 * The queue's redelivery, within the delivery: retries transient errors, with the pauses of our own queue, until shortly
 * before the delivery's time is up.
 * @param handsBackWaits hands back at once what waits for other work, unless it says when to look again
 */
export async function persistently(
  run: () => Promise<void>,
  signal: AbortSignal,
  onFailed: (error: unknown, pauseMs?: number) => Promise<void>,
  handsBackWaits: boolean,
  persistMs: number,
): Promise<void> {
  const deadline = performance.now() + persistMs;
  for (let failures = 1; ; ) {
    try {
      return await run();
    } catch (error) {
      const waits = isWaiting(error);
      const isOver = signal.aborted || (waits && handsBackWaits && error.retryAfterMs === undefined);
      if (!TransientError.is(error) || isOver) {
        await onFailed(error);
        throw error;
      }
      const own = waits ? WAIT_AGAIN_MS : Math.min(backOffMs(failures++), LONGEST_BACK_OFF_MS);
      const pause = Math.max(own, error.retryAfterMs ?? 0);
      const isLast = performance.now() + pause > deadline;
      await onFailed(error, isLast ? undefined : pause);
      if (isLast) throw error;
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) throw error;
    }
  }
}

export function outOfTime({ deliveryMs }: Patience): TransientError {
  return new TransientError(
    'out_of_time',
    `Expected the stage to end within ${deliveryMs / 1000} s, got a timeout.`,
  );
}
