/** The delivery of the event that callback_url gets, and when it is tried again. Pure. */

/** Times are milliseconds since the epoch. */
export interface WebhookRecord {
  /** failed: given up. */
  state: 'pending' | 'delivered' | 'failed';
  /** When its delivery was asked for last: at the end of the task, or by a caller. */
  askedAt: number;
  /** Deliveries that were tried. */
  attempts: number;
  /** Those since it was asked for. */
  tries: number;
  /** The first of these; null before it. */
  firstTryAt: number | null;
  /** When the last one began. */
  lastAttemptAt: number | null;
  /** When it is due; null: not any more. */
  nextTryAt: number | null;
  /** What the last one failed with. */
  error: string | null;
}

/** What came of one delivery. */
export type WebhookAnswer = { delivered: true } | FailedDelivery;

export interface FailedDelivery {
  delivered: false;
  /** For callers. */
  error: string;
  /** It answered 410: it wants no more. */
  isGone?: boolean;
  /** How long it asked us to wait. */
  retryAfterMs?: number | undefined;
  /**
   * server: it answered that it cannot. network: no answer came. service: nothing was sent, through no fault of the receiver.
   * Undefined: the receiver refuses this event, or may not be called.
   */
  fault?: 'server' | 'network' | 'service';
  /** What the log says instead of `error`. */
  forLog?: string;
}

/** It is tried for so long; the last time when this is over. */
export const GIVE_UP_AFTER_MS = 24 * 3_600_000;
const [SECOND_MS, MINUTE_MS, HOUR_MS] = [1_000, 60_000, 3_600_000];
/** After the first failed delivery, the second, and so on. The last one repeats. functions/http/README.md has this table. */
export const PAUSES_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2.5 * HOUR_MS,
];
/** Each pause is up to so much shorter or longer, so that what failed together does not come back together. */
const JITTER = 0.2;
/** The longest that a receiver may ask us to wait. */
const MOST_ASKED_MS = HOUR_MS;

/** The webhook-id: one for each task, whatever dies and however often it is sent. */
export function eventId(taskId: string): string {
  return `msg_${taskId.replaceAll('-', '')}`;
}

export function asked(before: WebhookRecord | undefined, at: number): WebhookRecord {
  const fresh = { attempts: 0, tries: 0, firstTryAt: null, lastAttemptAt: null, error: null };
  return { ...fresh, ...before, state: 'pending', askedAt: at, nextTryAt: at };
}

/** Also if a delivery that began before it was asked for has ended since. */
export function isDue({ state, askedAt, lastAttemptAt, nextTryAt }: WebhookRecord, now: number): boolean {
  if (lastAttemptAt !== null && askedAt > lastAttemptAt) return true;
  return state === 'pending' && nextTryAt !== null && nextTryAt <= now;
}

/**
 * @param began when the delivery began
 * @param now when it ended
 */
export function afterDelivery(
  before: WebhookRecord,
  answer: WebhookAnswer,
  { began, now, random }: { began: number; now: number /** From 0 to 1. */; random: number },
): WebhookRecord {
  const isFirst = before.lastAttemptAt === null || before.askedAt > before.lastAttemptAt;
  const tries = isFirst ? 1 : before.tries + 1;
  // The clock of the process where it was asked for may be ahead.
  const lastAttemptAt = Math.max(began, before.askedAt);
  const firstTryAt = isFirst ? lastAttemptAt : (before.firstTryAt ?? lastAttemptAt);
  const counted = { ...before, attempts: before.attempts + 1, tries, firstTryAt, lastAttemptAt };
  if (answer.delivered) return { ...counted, state: 'delivered', nextTryAt: null, error: null };
  const { error, isGone = false, retryAfterMs = 0 } = answer;
  const giveUpAt = firstTryAt + GIVE_UP_AFTER_MS;
  if (isGone || now >= giveUpAt) return { ...counted, state: 'failed', nextTryAt: null, error };
  const pause = PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1] as number;
  const own = pause * (1 - JITTER + 2 * JITTER * random);
  const nextTryAt = Math.round(
    Math.min(now + Math.max(own, Math.min(retryAfterMs, MOST_ASKED_MS)), giveUpAt),
  );
  return { ...counted, state: 'pending', nextTryAt, error };
}
