/**
 * How often work is tried. Adapters try once; retries within a step are done by the loop in this file. A crash of the
 * process and an unexpected error count as attempts; waiting, duplicates and expected transient errors do not.
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
import { countRetry, noteFailedTry, noteSuccess } from './problems.ts';

/** Crashes, or unexpected errors, of the same work before it is given up. */
export const MAX_ATTEMPTS = 5;
/** How long a step is retried before its message is handed back. */
export const RETRY_MS = 30_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/**
 * For nested loops: the errors that inner loops gave up on. The outer loop rethrows them, because their time for
 * retries is used up.
 */
const givenUpWithin = new AsyncLocalStorage<WeakSet<Error>>();

export interface RetryOptions {
  signal: AbortSignal;
  /** No try starts later than this many milliseconds after the first. */
  forMs?: number;
  /** For the status of the task. Only where no other step of the same work has it. */
  stage?: Stage;
}

/**
 * Repeats `step` on transient errors other than 'waiting', with growing pauses and jitter, or after the pause that the
 * server asks for. Once the signal fires, no further try starts, and it rejects with the signal's reason; a try under way
 * ends by itself first, and counts if it succeeds.
 * @throws the last error, when the time is up or the server asks for a longer pause than the time left
 */
export async function retryTransient<T>(
  step: () => Promise<T>,
  { signal, forMs = RETRY_MS, stage }: RetryOptions,
): Promise<T> {
  const deadline = performance.now() + forMs;
  const around = givenUpWithin.getStore();
  const givenUp = new WeakSet<Error>();
  // Work that waits for a place is handed back at once, so that it holds nothing that others need.
  const isRetryable = (error: unknown): error is TransientError =>
    TransientError.is(error) && error.code !== 'waiting' && !givenUp.has(error);
  let done: { value: T } | undefined;
  let tries = 0;
  let failed: TransientError | undefined;
  const attempt = async () => {
    tries++;
    if (failed !== undefined) countRetry(failed, stage);
    const value = await givenUpWithin.run(givenUp, step);
    done = { value };
    if (tries > 1 || stage !== undefined) noteSuccess(stage);
    return value;
  };
  return pRetry(attempt, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    randomize: true,
    maxRetryTime: forMs,
    signal,
    shouldRetry: ({ error }) => isRetryable(error),
    async onFailedAttempt({ error, retryDelay }) {
      if (!isRetryable(error)) return;
      failed = error;
      const { retryAfterMs: asked = 0 } = error;
      const left = deadline - performance.now();
      // If the time is up, the host knows when the message is delivered again.
      noteFailedTry(error, stage, asked < left ? Math.min(asked + retryDelay, left) : undefined);
      if (asked === 0) return;
      // Throwing here ends the loop: the message is handed back and delivered again after that time.
      if (asked >= left) throw error;
      await sleep(asked, undefined, { signal });
    },
  }).catch((error: unknown) => {
    if (done !== undefined) return done.value;
    if (error instanceof Error) around?.add(error);
    throw error;
  });
}

/**
 * For work that must be tried once even if it was stopped, because nobody can do it later: further tries end with `stop`,
 * so that a host can stop.
 */
export async function tryAtLeastOnce<T>(
  step: () => Promise<T>,
  { stop, forMs }: { stop: AbortSignal; forMs?: number },
): Promise<T> {
  const ended = new AbortController();
  const end = () => ended.abort(stop.reason);
  const firstTry = async () => {
    try {
      return await step();
    } finally {
      if (stop.aborted) end();
      else stop.addEventListener('abort', end, { once: true });
    }
  };
  let tries = 0;
  try {
    return await retryTransient(() => (tries++ === 0 ? firstTry() : step()), {
      signal: ended.signal,
      ...(forMs === undefined ? {} : { forMs }),
    });
  } finally {
    stop.removeEventListener('abort', end);
  }
}

/** The number of the next attempt, from 1. Waiting, duplicates and expected transient errors do not count. */
export function attemptOf({ crashes, failures }: Attempts): number {
  return crashes + failures + 1;
}

/** Throws PermanentError 'crash_loop' if MAX_ATTEMPTS processes have died during this work. */
export function refuseCrashLoop({ crashes }: Attempts, stage: Stage): void {
  if (crashes < MAX_ATTEMPTS) return;
  throw new PermanentError(
    'crash_loop',
    stage,
    `Expected the work to end, got ${crashes} crashes of its process. It is not tried again.`,
  );
}

/**
 * Returns the failure to record for an error that a retry cannot fix. Rethrows other errors, so that the message is
 * handed back. Unexpected errors, and an ffmpeg that is killed from outside (usually for lack of memory), get
 * MAX_ATTEMPTS tries; `before` counts the earlier ones.
 */
export function failureOf(error: unknown, before: Attempts, stage: Stage, signal: AbortSignal): Failure {
  // The error may only be a consequence of stopping the work.
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
        message: `Expected the work to succeed or to fail with a known error, got an unknown one ${MAX_ATTEMPTS} times.`,
      };
}
