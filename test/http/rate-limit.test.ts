import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRateLimit } from '../../functions/http/rate-limit.ts';

describe('a rate limit', () => {
  function limited(perMinute: number, callers?: number) {
    const clock = { ms: 5_000 };
    const limit = createRateLimit({
      perMinute,
      now: () => clock.ms,
      ...(callers === undefined ? {} : { callers }),
    });
    const takes = (caller: string, times: number) => Array.from({ length: times }, () => limit.take(caller));
    return { clock, limit, takes };
  }

  test('grants its full number at once, then says how long to wait', () => {
    for (const perMinute of [1, 7, 600]) {
      const { takes } = limited(perMinute);
      assert.deepEqual(takes('a', perMinute), Array(perMinute).fill(0));
      assert.deepEqual(takes('a', 2), Array(2).fill(Math.ceil(60 / perMinute)));
    }
  });

  test('grants one more after that wait, but none before', () => {
    const { clock, limit, takes } = limited(10);
    takes('a', 10);
    clock.ms += 5_999;
    assert.equal(limit.take('a'), 1);
    clock.ms += 1;
    assert.deepEqual(takes('a', 2), [0, 6]);
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
    const { limit } = limited(1, 3);
    for (const caller of ['a', 'b', 'c']) limit.take(caller);
    assert.ok(limit.take('a') > 0);
    limit.take('d');
    assert.ok(limit.take('a') > 0, 'asked lately');
    assert.equal(limit.take('b'), 0);
  });
});
