import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedMs, PACED_SUCCESSES } from '../../functions/model/pace.ts';

const HOUR_MS = 3_600_000;
/** Times with these gaps between them. */
const timesOf = (...gaps: number[]): number[] => {
  const times = [1_000_000];
  for (const gap of gaps) times.push((times.at(-1) as number) + gap);
  return times;
};
const expected = (times: readonly number[], pending: number, since = 0) =>
  expectedMs(times, pending, (times.at(-1) ?? 0) + since);

describe('the expected end', () => {
  it('is unknown until two videos have succeeded', () => {
    assert.equal(expected([], 5), undefined);
    assert.equal(expected(timesOf(), 5), undefined);
    assert.equal(expected(timesOf(400), 5), 2_000);
  });

  it('follows the latest ones', () => {
    const slow = Array.from({ length: 30 }, () => 2_000);
    const quick = Array.from({ length: PACED_SUCCESSES }, () => 500);
    assert.equal(expected(timesOf(...slow, ...quick), 10), 5_000);
  });

  it('counts the gaps of videos that are made side by side', () => {
    assert.equal(expected(timesOf(1_000, 30_000, 1_000, 30_000), 2), 31_000);
  });

  for (const atOnce of [1, 2, 3, 4, 8, 16, 32]) {
    it(`is right whenever one asks, with ${atOnce} videos at once of a minute each`, () => {
      const times = Array.from(
        { length: 320 },
        (_, n) => Math.floor(n / atOnce) * 60_000 + (n % atOnce) * 50,
      );
      for (let done = Math.max(2, 2 * atOnce); done <= 160; done++) {
        const last = times[done - 1] as number;
        const right = (80 / atOnce) * 60_000;
        for (const silence of [0, ((times[done] as number) - last) * 0.95]) {
          const ms = expectedMs(times.slice(0, done), 80, last + silence) ?? 0;
          assert.ok(
            ms > right * 0.7 && ms < right * 1.4,
            `${ms} after ${done} and ${silence} ms, not ${right}`,
          );
        }
      }
    });
  }

  it('grows with the silence after the first burst', () => {
    const burst = timesOf(...Array.from({ length: 7 }, () => 200));
    assert.equal(expected(burst, 80), 16_000);
    assert.equal(expected(burst, 80, 30_000), 314_000);
    assert.equal(expected(burst, 80, 30_001), undefined);
  });

  it('does not count a time in which the service was off or the machine slept', () => {
    assert.equal(expected(timesOf(400, 48 * HOUR_MS, 600), 4), 2_000);
    const usual = Array.from({ length: 8 }, () => 500);
    assert.equal(expected(timesOf(...usual, HOUR_MS / 4, ...usual, HOUR_MS / 4), 4), 2_000, 'two pauses');
    assert.equal(expected(timesOf(HOUR_MS), 4), undefined, 'the only gap');
  });

  it('is unknown while nothing succeeds for much longer than usual', () => {
    assert.equal(expected(timesOf(400, 400), 3, 400), 1_200);
    assert.equal(expected(timesOf(400, 400), 3, 29_200), 30_000);
    assert.equal(expected(timesOf(400, 400), 3, 30_001), undefined);
    assert.equal(expected(timesOf(20_000, 20_000), 3, 50_000), 90_000);
    assert.equal(expected(timesOf(20_000, 20_000), 3, 60_001), undefined);
  });

  it('leaves out a night between slow videos, and no video of half an hour', () => {
    const slow = Array.from({ length: 5 }, () => HOUR_MS / 3);
    assert.equal(expected(timesOf(...slow, 8 * HOUR_MS, ...slow.slice(3)), 3), HOUR_MS);
    assert.equal(expected(timesOf(HOUR_MS / 2, HOUR_MS / 2, HOUR_MS / 2), 2), HOUR_MS);
  });
});
