/** The delivery of the event that callback_url gets, and when it is tried again. Pure. */

const STATES = ['pending', 'delivered', 'failed'] as const;

/** Times are milliseconds since the epoch. */
export interface WebhookRecord {
  /** failed: given up. */
  state: (typeof STATES)[number];
  /** When its delivery was asked for last: at the end of the task, or by a caller. */
  askedAt: number;
  /** Deliveries that were tried, without those that do not count. */
  attempts: number;
  /** Those since it was asked for, and how often it was put off because its receiver rests after failures. */
  tries: number;
  /** The first of these; null before it. */
  firstTryAt: number | null;
  /** When the last attempt began. */
  lastAttemptAt: number | null;
  /** When it is due; null: not any more. */
  nextTryAt: number | null;
  /** What the last one failed with. */
  error: string | null;
  /** A caller asked for it, who wants it tried at once. */
  atOnce: boolean;
}

/** What came of one delivery. */
export type WebhookAnswer = { delivered: true } | FailedDelivery;

export interface FailedDelivery {
  delivered: false;
  /** For callers. */
  error: string;
  /** The server answered, whatever it thinks of the event. */
  isAnswer?: boolean;
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

/** It is tried for so long, and so often, before it is given up. */
export const GIVE_UP_AFTER_MS = 24 * 3_600_000;
export const LEAST_TRIES = 5;
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
/** After a delivery that does not count. */
const UNCOUNTED_MS = 30 * SECOND_MS;
/** Each pause is up to so much shorter or longer, so that what failed together does not come back together. */
const JITTER = 0.2;
/** The longest that a receiver may ask us to wait. */
const MOST_ASKED_MS = HOUR_MS;
/** The latest time that a Date can hold. */
const LAST_MS = 8.64e15;

/** The webhook-id: one for each task, whatever dies and however often it is sent. */
export function eventId(taskId: string): string {
  return `msg_${taskId.replaceAll('-', '')}`;
}

/** What the event of a task is called in its seal. */
export function eventRecord(taskId: string): string {
  return `event of task ${taskId}`;
}

/** `askedAt` always changes, also if the clock of this process is behind: by that, a delivery under way notices. */
export function asked(before: WebhookRecord | undefined, at: number): WebhookRecord {
  const fresh = { attempts: 0, lastAttemptAt: null, error: null };
  const again = { tries: 0, firstTryAt: null };
  const askedAt = Math.max(at, (before?.askedAt ?? -1) + 1);
  return {
    ...fresh,
    ...before,
    ...again,
    state: 'pending',
    askedAt,
    nextTryAt: at,
    atOnce: before !== undefined,
  };
}

export function isDue({ state, nextTryAt }: WebhookRecord, now: number): boolean {
  return state === 'pending' && nextTryAt !== null && nextTryAt <= now;
}

/**
 * @param began when the delivery began
 * @param now when it ended
 * @param isCounted false for a failure that is not the receiver's: it uses up nothing of its time
 */
export function afterDelivery(
  before: WebhookRecord,
  answer: WebhookAnswer,
  {
    began,
    now,
    random,
    isCounted = true,
  }: { began: number; now: number /** From 0 to 1. */; random: number; isCounted?: boolean },
): WebhookRecord {
  const jittered = jitteredBy(random);
  if (!answer.delivered && !isCounted) {
    const { error } = answer;
    return { ...before, atOnce: false, error, nextTryAt: Math.round(now + jittered(UNCOUNTED_MS)) };
  }
  // The clock of the process where it was asked for may be ahead.
  const lastAttemptAt = Math.max(began, before.askedAt);
  const tried = triedAgain({ ...before, attempts: before.attempts + 1, lastAttemptAt }, lastAttemptAt);
  if (answer.delivered) return { ...tried, state: 'delivered', nextTryAt: null, error: null };
  const { error, isGone = false, retryAfterMs = 0 } = answer;
  if (isGone) return { ...tried, state: 'failed', nextTryAt: null, error };
  return afterFailure({ ...tried, error }, now, jittered, Math.min(retryAfterMs, MOST_ASKED_MS));
}

/**
 * Put off because its receiver has just failed, and rests. Nothing is sent, but it counts as a try: otherwise the events of a
 * receiver that is gone would not end, as few of many are tried.
 */
export function afterRest(
  before: WebhookRecord,
  { now, restMs, random, error }: { now: number; restMs: number; random: number; error: string },
): WebhookRecord {
  const tried = triedAgain(before, Math.max(now, before.askedAt));
  return afterFailure({ ...tried, error: before.error ?? error }, now, jitteredBy(random), restMs);
}

function triedAgain(record: WebhookRecord, at: number): WebhookRecord {
  return { ...record, tries: record.tries + 1, firstTryAt: record.firstTryAt ?? at, atOnce: false };
}

/** The last failure was counted. */
function afterFailure(
  record: WebhookRecord,
  now: number,
  jittered: (pause: number) => number,
  leastMs: number,
): WebhookRecord {
  const { tries, firstTryAt } = record;
  const giveUpAt = (firstTryAt ?? now) + GIVE_UP_AFTER_MS;
  const isOver = now >= giveUpAt;
  if (isOver && tries >= LEAST_TRIES) return { ...record, state: 'failed', nextTryAt: null };
  const own = jittered(PAUSES_MS[Math.min(tries, PAUSES_MS.length) - 1] as number);
  const next = now + Math.max(own, leastMs);
  return { ...record, state: 'pending', nextTryAt: Math.round(isOver ? next : Math.min(next, giveUpAt)) };
}

function jitteredBy(random: number): (pause: number) => number {
  return (pause) => pause * (1 - JITTER + 2 * JITTER * random);
}

/**
 * What a store keeps after a delivery, or a pause, that began with `before` and left `after`. If another one was counted
 * since, its record stays. If a caller asked meanwhile, the event stays due.
 */
export function recorded(stored: WebhookRecord, before: WebhookRecord, after: WebhookRecord): WebhookRecord {
  if (stored.attempts !== before.attempts) return stored;
  if (stored.askedAt === before.askedAt) return after;
  const { state, askedAt, nextTryAt, atOnce } = stored;
  return { ...after, state, askedAt, nextTryAt, atOnce, tries: 0, firstTryAt: null };
}

/**
 * The record in what a store holds, where others may write, too: what is no record stands for an event that was asked for
 * and never tried.
 * @param body JSON of the other fields
 */
export function storedRecord(body: unknown, askedAt: unknown, nextTryAt: unknown): WebhookRecord {
  try {
    const record: unknown = { ...JSON.parse(String(body)), askedAt, nextTryAt };
    if (isRecord(record)) return record;
  } catch {
    // No JSON.
  }
  return asked(undefined, isTime(askedAt) ? askedAt : 0);
}

function isRecord(value: unknown): value is WebhookRecord {
  const { state, askedAt, attempts, tries, firstTryAt, lastAttemptAt, nextTryAt, error, atOnce } =
    value as Record<keyof WebhookRecord, unknown>;
  return (
    STATES.some((known) => known === state) &&
    [askedAt, attempts, tries].every(isTime) &&
    [firstTryAt, lastAttemptAt, nextTryAt].every((time) => time === null || isTime(time)) &&
    (error === null || typeof error === 'string') &&
    typeof atOnce === 'boolean'
  );
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= LAST_MS;
}
