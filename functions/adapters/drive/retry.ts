import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { TransientError } from '../../base/errors.ts';

/** https://developers.google.com/workspace/drive/api/guides/limits: min(2^n s + random milliseconds, 32 s). */
export const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 32_000;

/** Milliseconds to wait after so many failures in a row (0: the first), or longer where Google asks for it. */
export function pauseMs(failures: number, firstPauseMs: number, retryAfterMs = 0): number {
  const grown = firstPauseMs * 2 ** failures + Math.random() * firstPauseMs;
  return Math.max(Math.min(grown, LONGEST_PAUSE_MS), retryAfterMs);
}

/** Rejects with the signal's reason when aborted. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}

export interface RetryOptions {
  firstPauseMs: number;
  /** By performance.now(): no pause is begun that would not end before it. */
  deadline: number;
  signal: AbortSignal | undefined;
}

/**
 * Repeats what failed with a TransientError. Other than Google's own clients it repeats creates and rate limits that come
 * as 403, too: everything that is created here has an id beforehand.
 */
export function retryDrive<T>(ask: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { firstPauseMs, deadline, signal } = options;
  return pRetry(ask, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: 0,
    ...(signal && { signal }),
    shouldRetry: ({ error }) => TransientError.is(error),
    async onFailedAttempt({ error, retriesConsumed }) {
      if (!TransientError.is(error)) return;
      const ms = pauseMs(retriesConsumed, firstPauseMs, error.retryAfterMs);
      if (performance.now() + ms >= deadline) throw error;
      await pause(ms, signal);
    },
  });
}
