/**
 * How often a thing is tried. Waiting, duplicates and orderly transient errors cost no attempt; ending without a
 * word does, and so does an error that nobody foresaw.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import pRetry from 'p-retry';
import { type Failure, isDiskFull, PermanentError, type Stage, TransientError } from './errors.ts';
import type { Lease } from './ports.ts';

/** Holders of one lease that may die, or fail without a known cause, before its work is given up. */
export const MAX_ATTEMPTS = 5;
/** Deliveries over which a source's server may stay out of reach; each of them tries for RETRY_MS. */
export const MAX_UNREACHABLE = 3;
/** How long a step retries by itself before the message is handed back. */
export const RETRY_MS = 30_000;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

/** Repeats `step` on transient errors, with growing pauses and jitter, or as long as the other side asks for. */
export async function retryTransient<T>(
  step: () => Promise<T>,
  { signal, forMs = RETRY_MS }: { signal: AbortSignal; forMs?: number },
): Promise<T> {
  const deadline = performance.now() + forMs;
  const hasTime = (error: Error): error is TransientError =>
    TransientError.is(error) && performance.now() + (error.retryAfterMs ?? 0) < deadline;
  return pRetry(step, {
    retries: Number.POSITIVE_INFINITY,
    minTimeout: FIRST_PAUSE_MS,
    maxTimeout: LONGEST_PAUSE_MS,
    randomize: true,
    maxRetryTime: forMs,
    signal,
    shouldRetry: ({ error }) => hasTime(error),
    // Called before shouldRetry: without the same condition it would sit out a Retry-After of an hour.
    async onFailedAttempt({ error }) {
      if (hasTime(error) && error.retryAfterMs !== undefined) {
        await sleep(error.retryAfterMs, undefined, { signal });
      }
    },
  });
}

/** Set where the lease's former holders died so often that the work must not be started again. */
export function crashLoop(lease: Lease, stage: Stage): Failure | undefined {
  if (lease.crashes < MAX_ATTEMPTS) return undefined;
  return {
    code: 'crash_loop',
    stage,
    message: `Expected it to end, got ${lease.crashes} processes that died over it. It is not tried again.`,
  };
}

/**
 * The failure to record for an error, where trying again is pointless; rethrows all others, so that the message is
 * handed back. What nobody foresaw, and an ffmpeg that is ended from outside (out of memory, mostly), get
 * MAX_ATTEMPTS tries.
 */
export function failureOf(error: unknown, lease: Lease, stage: Stage, signal: AbortSignal): Failure {
  // Whatever it is, it may come of the work being broken off.
  if (signal.aborted) throw error;
  if (PermanentError.is(error)) return error.failure;
  if (isDiskFull(error) && !TransientError.is(error)) {
    throw new TransientError('disk_full', 'Expected room on the disk, got none left.', { cause: error });
  }
  const killed = TransientError.is(error) && error.code === 'ffmpeg_killed';
  if ((TransientError.is(error) && !killed) || lease.takes < MAX_ATTEMPTS) throw error;
  return killed
    ? { code: 'crash_loop', stage, message: `${error.message} It was tried ${lease.takes} times.` }
    : {
        code: 'internal_error',
        stage,
        message: `Expected it to succeed or to fail for a known cause, got an unknown one ${lease.takes} times.`,
      };
}
