/**
 * Resumes an interrupted upload from the byte that the server has. This is the only retry loop in the adapters: whole
 * uploads, and all other calls, are repeated by the steps of the stages (coordination/retry-policy.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TransientError } from '../../base/errors.ts';

export interface Resumption {
  /** Milliseconds before the upload is resumed for the first time; doubled with each failure in a row. */
  firstPauseMs: number;
  /** Failures in a row, without a byte of progress, after which the upload is given up. */
  maxFailures: number;
}

/** The outcome of one request. If there is no failure, the next request follows at once. */
export type UploadStep<T> = { done: T } | { moved: boolean; failure?: TransientError };

/** https://developers.google.com/workspace/drive/api/guides/limits: min(2^n s + random milliseconds, 32 s). */
export const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 32_000;

/**
 * Sends requests until one of them completes the upload.
 * @throws the last failure, after too many in a row or if the server asks for a longer wait than the longest pause; the
 * signal's reason
 */
export async function resumeUpload<T>(
  step: () => Promise<UploadStep<T>>,
  { firstPauseMs, maxFailures, signal }: Resumption & { signal: AbortSignal | undefined },
): Promise<T> {
  let failures = 0;
  for (;;) {
    const outcome = await step();
    if ('done' in outcome) return outcome.done;
    const { moved, failure } = outcome;
    if (moved) failures = 0;
    if (failure === undefined) continue;
    failures += 1;
    const { retryAfterMs = 0 } = failure;
    if (failures >= maxFailures || retryAfterMs > LONGEST_PAUSE_MS) throw failure;
    await pause(Math.max(pauseMs(failures, firstPauseMs), retryAfterMs), signal);
  }
}

function pauseMs(failures: number, firstPauseMs: number): number {
  const grown = firstPauseMs * 2 ** (failures - 1) + Math.random() * firstPauseMs;
  return Math.min(grown, LONGEST_PAUSE_MS);
}

/** Rejects with the signal's reason, instead of the timer's own AbortError. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, undefined, { ...(signal && { signal }) }).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
}
