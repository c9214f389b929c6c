import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { watchRate } from '../../../functions/adapters/shared/least-rate.ts';
import { TransientError } from '../../../functions/base/errors.ts';

/** 160 bytes in any 4 s. */
const RATE = { bytesPerSecond: 40, windowMs: 4_000 };

describe('the least rate of a download', () => {
  /** When a download that gets so many bytes in each second is given up, in seconds; undefined if it is not. */
  const givenUpAfter = (
    t: { mock: typeof import('node:test').mock },
    bytesOf: (second: number) => number,
  ) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    try {
      using rate = watchRate(RATE, ({ bytes }) => new TransientError('source_slow', `${bytes} bytes`));
      for (let second = 1; second <= 60; second++) {
        rate.count(bytesOf(second));
        t.mock.timers.tick(1_000);
        if (rate.signal.aborted) return { second, says: String(rate.signal.reason.message) };
      }
      return undefined;
    } finally {
      t.mock.timers.reset();
    }
  };

  test('leaves one alone that keeps to it on average, even if its bytes come in bursts', (t) => {
    assert.equal(
      givenUpAfter(t, () => 40),
      undefined,
    );
    assert.equal(
      givenUpAfter(t, (second) => (second % 4 === 0 ? 160 : 0)),
      undefined,
    );
  });

  test('ends one that is slow from the start after one window', (t) => {
    assert.deepEqual(
      givenUpAfter(t, () => 39),
      { second: 4, says: '156 bytes' },
    );
    assert.deepEqual(
      givenUpAfter(t, () => 0),
      { second: 4, says: '0 bytes' },
    );
  });

  test('gives one a whole window after the machine has slept, and then blames the network', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    let at = 0;
    t.mock.method(Date, 'now', () => at);
    using rate = watchRate(RATE, () => new TransientError('source_slow', 'slow'));
    const seconds = (count: number, bytes: number) => {
      for (let second = 0; second < count; second++) {
        rate.count(bytes);
        at += 1_000;
        t.mock.timers.tick(1_000);
      }
    };
    seconds(10, 1_000);
    at += 48 * 3_600_000;
    seconds(4, 0);
    assert.equal(rate.signal.aborted, false);
    seconds(1, 0);
    assert.equal(rate.signal.reason?.code, 'network');
  });

  test('ends one that becomes slow within a window, however much it has brought before', (t) => {
    assert.deepEqual(
      givenUpAfter(t, (second) => (second <= 30 ? 1_000_000 : 1)),
      { second: 34, says: '4 bytes' },
    );
  });
});
