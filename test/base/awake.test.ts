import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterAwake, awakeLimit, awakeNow } from '../../functions/base/awake.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const TWO_DAYS_MS = 48 * 3_600_000;

describe('time awake', () => {
  test('passes as other time does, and hardly at all while the machine sleeps', (t) => {
    let at = performance.now();
    t.mock.method(performance, 'now', () => at);
    const began = awakeNow();
    for (let seconds = 1; seconds <= 3_600; seconds++) {
      at += 1_000;
      assert.ok(Math.abs(awakeNow() - began - seconds * 1_000) <= 1);
    }
    at += TWO_DAYS_MS;
    assert.ok(awakeNow() - began <= 3_600_000 + 5_001);
  });

  test('does not follow the wall clock', (t) => {
    const began = awakeNow();
    for (const by of [TWO_DAYS_MS, -TWO_DAYS_MS]) {
      const { now } = Date;
      const mock = t.mock.method(Date, 'now', () => now() + by);
      assert.ok(Math.abs(awakeNow() - began) < 60_000);
      mock.mock.restore();
    }
  });

  for (const ms of [1, 4_999, 5_000, 5_001, 12_000]) {
    test(`calls back after ${ms} ms`, async (t) => {
      const time = fakeTime(t);
      const called = Promise.withResolvers<number>();
      using _ = afterAwake(ms, () => called.resolve(time.now()));
      const after = await time.passing(called.promise);
      assert.ok(after >= ms && after <= ms + 100, `${after} ms`);
    });
  }

  test('does not call back once disposed of, in whichever step', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let calls = 0;
    for (const after of [0, 3_000, 8_000, 299_999]) {
      const timer = afterAwake(300_000, () => calls++);
      t.mock.timers.tick(after);
      timer[Symbol.dispose]();
      t.mock.timers.tick(TWO_DAYS_MS);
    }
    assert.equal(calls, 0);
  });

  test('is not over after a sleep, when all timers that became due fire at once', (t) => {
    const pending: (() => void)[] = [];
    t.mock.method(globalThis, 'setTimeout', (work: () => void) => pending.push(work));
    using slept = awakeLimit(300_000);
    for (let sleeps = 0; sleeps < 59; sleeps++) {
      for (const fire of pending.splice(0)) fire();
      assert.equal(slept.signal.aborted, false);
    }
    for (const fire of pending.splice(0)) fire();
    assert.equal(slept.signal.aborted, true);
  });
});
