import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { expectedMs } from '../../functions/model/pace.ts';

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

  it('follows the latest twenty', () => {
    const slow = Array.from({ length: 30 }, () => 2_000);
    const quick = Array.from({ length: 20 }, () => 500);
    assert.equal(expected(timesOf(...slow, ...quick), 10), 5_000);
  });

  it('counts the gaps of videos that are made side by side', () => {
    assert.equal(expected(timesOf(1_000, 30_000, 1_000, 30_000), 2), 31_000);
  });

  it('does not count a time in which the service was off or the machine slept', () => {
    assert.equal(expected(timesOf(400, 48 * HOUR_MS, 600), 4), 2_000);
    const usual = Array.from({ length: 8 }, () => 500);
    assert.equal(expected(timesOf(...usual, HOUR_MS / 4, ...usual, HOUR_MS / 4), 4), 2_000, 'two pauses');
    assert.equal(expected(timesOf(HOUR_MS), 4), undefined, 'the only gap');
  });

  it('is unknown while nothing succeeds for much longer than usual', () => {
    assert.equal(expected(timesOf(400, 400), 10, 9_000), 4_000);
    assert.equal(expected(timesOf(400, 400), 10, 11_000), undefined);
    assert.equal(expected(timesOf(5_000, 5_000), 10, 49_000), 50_000);
    assert.equal(expected(timesOf(5_000, 5_000), 10, 51_000), undefined);
  });
});
