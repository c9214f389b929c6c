/** What our own queue does with a message after a failed delivery. Pure. */
import { PermanentError, TransientError } from '../../base/errors.ts';

export const BACK_OFF_BASE_MS = 1000;
const BACK_OFF_MAX_MS = 60_000;

/** The pause before the next delivery: doubled each time, up to a minute; random in its upper half. */
export function backOffMs(deliveries: number, baseMs = BACK_OFF_BASE_MS, random = Math.random): number {
  return Math.min(BACK_OFF_MAX_MS, baseMs * 2 ** (deliveries - 1)) * (0.5 + random() / 2);
}

/** The pause after an error: longer if the server asked for it. */
export function pauseMs(error: unknown, deliveries: number, baseMs: number): number {
  const asked = TransientError.is(error) ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(asked, backOffMs(deliveries, baseMs));
}

/** Waiting is not failing: such a delivery is not counted. */
export function isWaiting(error: unknown): error is TransientError {
  return TransientError.is(error) && error.code === 'waiting';
}

/** Why the delivery failed. Only our errors are worded for callers; others are in the log. */
export function reasonOf(error: unknown): string {
  if (TransientError.is(error) || PermanentError.is(error)) return error.message;
  return 'an unexpected error; see the log.';
}
