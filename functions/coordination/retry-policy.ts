/**
 * How often work is tried. Every retry within a step is the loop of this file: adapters try once. Waiting, duplicates
 * and orderly transient errors cost no attempt; a process that dies over the work does, and so does an unexpected error.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
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
/** How long a step is retried before its message is handed back. */
export const RETRY_MS = 30_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * Of the loop around the code that runs: the errors that loops within it gave up on. It passes them on, as the time for
 * retries has been spent.
 */
const givenUpWithin = new AsyncLocalStorage<WeakSet<Error>>();

/**
 * Repeats `step` on transient errors, with growing pauses and jitter, or after the pause that the other side asks for.
 * When the signal fires, it rejects at once with the signal's reason; a step that succeeds at that moment counts.
 * @param options.forMs no try begins later than this many milliseconds after the first
 * @throws the last error, when the time is up or the other side asks for a longer pause than is left
 */
export async function retryTransient<T>(
  step: () => Promise<T>,
  { signal, forMs = RETRY_MS }: { signal: AbortSignal; forMs?: number },
): Promise<T> {
  const deadline = performance.now() + forMs;
  const around = givenUpWithin.getStore();
  const givenUp = new WeakSet<Error>();
  const mayPass = (error: unknown): error is TransientError =>
    TransientError.is(error) && !givenUp.has(error);
  let done: { value: T } | undefined;
  const attempt = async () => {
    const value = await givenUpWithin.run(givenUp, step);
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
    shouldRetry: ({ error }) => mayPass(error),
    async onFailedAttempt({ error }) {
      const asked = mayPass(error) ? error.retryAfterMs : undefined;
      if (asked === undefined) return;
      // Thrown here it ends the loop: the message is handed back and comes again after that time.
      if (performance.now() + asked >= deadline) throw error;
      await sleep(asked, undefined, { signal });
    },
  }).catch((error: unknown) => {
    if (done !== undefined) return done.value;
    if (error instanceof Error) around?.add(error);
    throw error;
  });
}

/** Number of the attempt that follows those, from 1. Waiting, duplicates and orderly transient errors do not count. */
export function attemptOf({ crashes, failures }: Attempts): number {
  return crashes + failures + 1;
}

/** Throws PermanentError 'crash_loop' after so many processes died over this work that it must not begin again. */
export function refuseCrashLoop({ crashes }: Attempts, stage: Stage): void {
  if (crashes < MAX_ATTEMPTS) return;
  throw new PermanentError(
    'crash_loop',
    stage,
    `Expected it to end, got ${crashes} processes that died over it. It is not tried again.`,
  );
}

/**
 * The failure to record for an error that no retry can help; rethrows all others, so that the message is handed back.
 * Unexpected errors, and an ffmpeg that is killed from outside (mostly for want of memory), get MAX_ATTEMPTS tries, of
 * which `before` counts the earlier ones.
 */
export function failureOf(error: unknown, before: Attempts, stage: Stage, signal: AbortSignal): Failure {
  // The error may be nothing but a consequence of stopping the work.
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
