import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  afterDelivery,
  afterRest,
  asked,
  eventId,
  GIVE_UP_AFTER_MS,
  isDue,
  PAUSES_MS,
  recorded,
  type WebhookAnswer,
  type WebhookRecord,
} from '../../functions/model/webhook.ts';

const AT = 1_700_000_000_000;
const HOUR = 3_600_000;
const FAILED: WebhookAnswer = { delivered: false, error: 'Expected status 2xx, got 500.' };
const begun = asked(undefined, AT);
/** A delivery that takes no time. */
const after = (record: WebhookRecord, answer: WebhookAnswer, at: number, random = 0.5) =>
  afterDelivery(record, answer, { began: at, now: at, random });

/** Tries whenever the event is due, as the service does. */
function untilOver(random: () => number): WebhookRecord & { times: number[] } {
  const times: number[] = [];
  let record = begun;
  while (record.nextTryAt !== null) {
    times.push(record.nextTryAt - AT);
    assert.ok(isDue(record, record.nextTryAt) && !isDue(record, record.nextTryAt - 1));
    record = after(record, FAILED, record.nextTryAt, random());
  }
  return { ...record, times };
}

describe('the delivery of an event', () => {
  test('has one id for each task', () => {
    const id = '1a2b3c4d-0000-4000-8000-00000000000f';
    assert.equal(eventId(id), 'msg_1a2b3c4d00004000800000000000000f');
  });

  test('ends with success', () => {
    const record = after(begun, { delivered: true }, AT + 7);
    assert.deepEqual(
      [record.state, record.attempts, record.lastAttemptAt, record.nextTryAt, record.error],
      ['delivered', 1, AT + 7, null, null],
    );
    assert.equal(isDue(record, AT + 9 * HOUR), false);
  });

  test('to a receiver that is gone ends after a day, also if only others are tried', () => {
    let record = begun;
    let times = 0;
    for (let now = AT; record.nextTryAt !== null; now = record.nextTryAt ?? now, times++)
      record = afterRest(record, { now, restMs: 600_000, random: 0.5, error: 'It rests.' });
    assert.deepEqual([record.state, record.error, record.attempts], ['failed', 'It rests.', 0]);
    assert.ok(times < 25, `put off ${times} times`);
  });

  test('that fails is tried again after 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, then every 2-3 h, and given up after a day', () => {
    const { times, state, error, attempts } = untilOver(() => 0.5);
    assert.deepEqual(
      PAUSES_MS.map((ms) => ms / 1000),
      [5, 30, 120, 600, 1_800, 3_600, 9_000],
    );
    assert.deepEqual(times.slice(0, 4), [0, 5_000, 35_000, 155_000]);
    assert.equal(times.at(-1), GIVE_UP_AFTER_MS);
    assert.deepEqual([state, error, attempts], ['failed', 'Expected status 2xx, got 500.', times.length]);
    for (const random of [() => 0, () => 1, Math.random]) {
      const { times: others } = untilOver(random);
      assert.ok(others.length >= 15 && others.length <= 19, `${others.length}`);
      assert.equal(others.at(-1), GIVE_UP_AFTER_MS);
      const pauses = others.map((time, at) => time - (others[at - 1] ?? 0));
      assert.ok((pauses[1] as number) >= 4_000 && (pauses[1] as number) <= 6_000);
      assert.ok(pauses.every((pause) => pause <= 3 * HOUR));
    }
  });

  test('that was held up for days, for example on a laptop that slept, has five tries all the same', () => {
    let record = after(begun, FAILED, AT);
    const late = AT + 3 * GIVE_UP_AFTER_MS;
    const pauses: number[] = [];
    for (let tries = 2; tries <= 4; tries++) {
      record = after(record, FAILED, late);
      pauses.push((record.nextTryAt as number) - late);
    }
    assert.deepEqual(pauses, [30_000, 120_000, 600_000]);
    record = after(record, FAILED, late);
    assert.deepEqual([record.state, record.attempts, record.nextTryAt], ['failed', 5, null]);
  });

  test('that fails through no fault of the receiver uses up nothing, and is tried again in half a minute', () => {
    const later = AT + 3 * GIVE_UP_AFTER_MS;
    const [fresh, failing] = [begun, after(begun, FAILED, AT)];
    for (const before of [fresh, failing]) {
      const own = afterDelivery(before, FAILED, { began: later, now: later, random: 0.5, isCounted: false });
      assert.deepEqual(own, { ...before, error: FAILED.error, nextTryAt: later + 30_000 });
    }
  });

  test('stops at once if the receiver is gone', () => {
    const record = after(begun, { ...FAILED, isGone: true }, AT);
    assert.deepEqual([record.state, record.nextTryAt], ['failed', null]);
  });

  test('waits as long as the receiver asks, but at most an hour, and no shorter than it would by itself', () => {
    const waits = (retryAfterMs: number) =>
      (after(begun, { ...FAILED, retryAfterMs }, AT).nextTryAt as number) - AT;
    assert.deepEqual([waits(0), waits(60_000), waits(9 * HOUR)], [5_000, 60_000, HOUR]);
  });

  test('asked for again is due at once, counts on, and has another day', () => {
    const failed = untilOver(() => 0.5);
    const later = AT + 2 * GIVE_UP_AFTER_MS;
    const again = asked(failed, later);
    assert.deepEqual([again.state, again.attempts, isDue(again, later)], ['pending', failed.attempts, true]);
    const next = after(again, FAILED, later);
    assert.deepEqual(
      [next.state, next.attempts, next.tries, next.nextTryAt],
      ['pending', failed.attempts + 1, 1, later + 5_000],
    );
  });

  test('asked for while one is under way is due when that one has ended, however it did', () => {
    for (const answer of [FAILED, { delivered: true } as const, { ...FAILED, isGone: true }]) {
      const kept = recorded(asked(begun, AT + 2), begun, after(begun, answer, AT + 1));
      assert.deepEqual([kept.attempts, kept.atOnce, isDue(kept, AT + 3)], [1, true, true]);
      const next = after(kept, { delivered: true }, AT + 3);
      assert.deepEqual([isDue(next, AT + 4), next.atOnce, next.tries], [false, false, 1]);
    }
  });

  test('is not due for ever if the clock of the process where it was asked for is ahead', () => {
    const ended = after(begun, { delivered: true }, AT - 60_000);
    assert.equal(isDue(ended, AT + 1), false);
  });
});
