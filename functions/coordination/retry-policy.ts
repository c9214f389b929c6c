/**
 * How often work is tried. Waiting, duplicates and orderly transient errors cost no attempt; crashes and unexpected errors
 * do.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import {
  type Failure,
  isDiskFull,
  isUnexpected,
  PermanentError,
  type Stage,
  TransientError,
} from '../base/errors.ts';
import type { Attempts } from '../model/attempts.ts';

/** Crashes of the same work, or unexpected errors of it, before it is given up. */
export const MAX_ATTEMPTS = 5;
/** How long a step retries by itself before the message is handed back. */
export const RETRY_MS = 30_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Repeats `step` on transient errors, after pauses that grow and vary, or that the other side asks for. A step that has
 * succeeded counts, also where the signal fires at that moment.
 */
export async function retryTransient<T>(
  step: () => Promise<T>,
  { signal, forMs = RETRY_MS }: { signal: AbortSignal; forMs?: number },
): Promise<T> {
  const deadline = performance.now() + forMs;
  let done: { value: T } | undefined;
  const attempt = async () => {
    const value = await step();
    done = { value };
    return value;
  };
  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    randomize: true,
    maxRetryTime: forMs,
    signal,
    shouldRetry: ({ error }) => TransientError.is(error),
    async onFailedAttempt({ error }) {
      const asked = TransientError.is(error) ? error.retryAfterMs : undefined;
      if (asked === undefined) return;
      // Thrown here it ends the retries: the message is handed back and comes again after that time.
      if (performance.now() + asked >= deadline) throw error;
      await sleep(asked, undefined, { signal });
    },
  }).catch((error: unknown) => {
    if (done === undefined) throw error;
    return done.value;
  });
}

/** Number of the attempt that follows those, from 1. */
export function attemptOf({ crashes, failures }: Attempts): number {
  return crashes + failures + 1;
}

/** Throws PermanentError 'crash_loop' where so many processes ended during this work that it must not begin again. */
export function refuseCrashLoop({ crashes }: Attempts, stage: Stage): void {
  if (crashes < MAX_ATTEMPTS) return;
  throw new PermanentError(
    'crash_loop',
    stage,
    `Expected it to end, got ${crashes} processes that died over it. It is not tried again.`,
  );
}

/**
 * The failure to record for an error, where trying again is pointless; rethrows all others, so that the message is
 * handed back. Unexpected errors, and an ffmpeg that is ended from outside (mostly for lack of memory), get MAX_ATTEMPTS
 * tries, of which `before` counts the earlier ones.
 */
export function failureOf(error: unknown, before: Attempts, stage: Stage, signal: AbortSignal): Failure {
  // Any error may be a consequence of the abort.
  if (signal.aborted) throw error;
  if (PermanentError.is(error)) return error.failure;
  if (isDiskFull(error) && !TransientError.is(error)) {
    throw new TransientError('disk_full', 'Expected room on the disk, got none left.', { cause: error });
  }
  if (!isUnexpected(error) || before.failures + 1 < MAX_ATTEMPTS) throw error;
  return TransientError.is(error)
    ? { code: 'crash_loop', stage, message: `${error.message} It was tried ${MAX_ATTEMPTS} times.` }
    : {
        code: 'internal_error',
        stage,
        message: `Expected it to succeed or to fail for a known cause, got an unknown one ${MAX_ATTEMPTS} times.`,
      };
}
