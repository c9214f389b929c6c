/** What a queue of our own does with a message whose handler failed. Pure. */
import { PermanentError, TransientError } from '../../base/errors.ts';

export const BACK_OFF_BASE_MS = 1000;
const BACK_OFF_MAX_MS = 60_000;
/** Longest pause that another side may ask for: a Retry-After of a day must not park a message for a day. */
const ASKED_MAX_MS = 600_000;

/** The pause before the next delivery: doubled each time, up to a minute, spread over its upper half. */
export function backOffMs(deliveries: number, baseMs = BACK_OFF_BASE_MS, random = Math.random): number {
  return Math.min(BACK_OFF_MAX_MS, baseMs * 2 ** (deliveries - 1)) * (0.5 + random() / 2);
}

/** The pause after an error; longer where the other side asked for it. */
export function pauseMs(error: unknown, deliveries: number, baseMs: number): number {
  const asked = TransientError.is(error) ? Math.min(error.retryAfterMs ?? 0, ASKED_MAX_MS) : 0;
  return Math.max(asked, backOffMs(deliveries, baseMs));
}

/** To wait is not to fail: such a delivery is not counted. */
export function isWaiting(error: unknown): boolean {
  return TransientError.is(error) && error.code === 'waiting';
}

/** Why a message came to nothing. Our own errors are worded for callers; of others only the log may tell. */
export function reasonOf(error: unknown): string {
  if (TransientError.is(error) || PermanentError.is(error)) return error.message;
  return 'an error that nobody foresaw; the log has it.';
}
