import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRateLimit, rateLimitHeaders } from '../../functions/http/rate-limit.ts';

describe('a rate limit', () => {
  function limited(perMinute: number, callers?: number) {
    const clock = { ms: 5_000 };
    const limit = createRateLimit({
      perMinute,
      now: () => clock.ms,
      ...(callers === undefined ? {} : { callers }),
    });
    const wait = (caller: string) => limit.take(caller).waitSeconds;
    const takes = (caller: string, times: number) => Array.from({ length: times }, () => wait(caller));
    return { clock, limit, wait, takes };
  }

  test('grants its full number at once, then says how long to wait', () => {
    for (const perMinute of [1, 7, 600]) {
      const { takes } = limited(perMinute);
      assert.deepEqual(takes('a', perMinute), Array(perMinute).fill(0));
      assert.deepEqual(takes('a', 2), Array(2).fill(Math.ceil(60 / perMinute)));
    }
  });

  test('grants one more after that wait, but none before', () => {
    const { clock, wait, takes } = limited(10);
    takes('a', 10);
    clock.ms += 5_999;
    assert.equal(wait('a'), 1);
    clock.ms += 1;
    assert.deepEqual(takes('a', 2), [0, 6]);
  });

  test('says how many requests are left, and when there is one more', () => {
    const { clock, limit, takes } = limited(10);
    assert.deepEqual(limit.take('a'), { waitSeconds: 0, left: 9, moreInSeconds: 6 });
    clock.ms += 2_500;
    assert.deepEqual(limit.take('a'), { waitSeconds: 0, left: 8, moreInSeconds: 4 });
    takes('a', 8);
    assert.deepEqual(limit.take('a'), { waitSeconds: 4, left: 0, moreInSeconds: 4 });
    assert.deepEqual(limit.take('b').left, 9, 'another caller');
  });

  test('keeps what it says: so many are granted at once, and one more after that time', () => {
    for (const perMinute of [1, 7, 59, 600]) {
      const { clock, limit, wait, takes } = limited(perMinute);
      clock.ms += 12_345;
      const { left, moreInSeconds } = limit.take('a');
      assert.deepEqual(takes('a', left), Array(left).fill(0));
      assert.ok(wait('a') > 0);
      clock.ms += moreInSeconds * 1000;
      assert.equal(wait('a'), 0);
    }
  });

  test('is described by the two fields of the draft', () => {
    assert.deepEqual(rateLimitHeaders(600, { waitSeconds: 0, left: 599, moreInSeconds: 1 }), {
      'ratelimit-policy': '"default";q=600;w=60',
      ratelimit: '"default";r=599;t=1',
    });
  });

  test('is full again after an idle minute, and no fuller after an hour', () => {
    const { clock, takes } = limited(10);
    for (const silence of [60_000, 3_600_000]) {
      takes('a', 12);
      clock.ms += silence;
      assert.equal(takes('a', 20).filter((wait) => wait === 0).length, 10);
    }
  });

  test('applies to each client separately', () => {
    const { takes } = limited(3);
    takes('a', 5);
    assert.deepEqual(takes('b', 4), [0, 0, 0, 20]);
  });

  test('remembers a limited number of clients and forgets the longest idle one', () => {
    const { wait } = limited(1, 3);
    for (const caller of ['a', 'b', 'c']) wait(caller);
    assert.ok(wait('a') > 0);
    wait('d');
    assert.ok(wait('a') > 0, 'asked lately');
    assert.equal(wait('b'), 0);
  });
});
