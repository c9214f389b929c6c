import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  emptyShards,
  isFull,
  type Shard,
  shardCount,
  shardOf,
  sumOf,
} from '../../../functions/adapters/firestore/shards.ts';
import { numbers } from '../../contracts/harness.ts';

const COUNTS: readonly (readonly [combinations: number, shards: number])[] = [
  [0, 1],
  [1, 1],
  [25, 1],
  [26, 2],
  [50, 2],
  [51, 3],
  [1_000, 40],
  [1_225, 49],
  [1_226, 50],
  [1_250, 50],
  [1_251, 50],
  [10_000, 50],
];

/** 1 to count, the indexes of a whole plan. */
function whole(count: number): number[] {
  return numbers(count).map((number) => number + 1);
}

/** Indexes of tasks: a whole plan, or the failed ones of a retry. */
const TASKS: readonly { what: string; indexes: readonly number[] }[] = [
  ...[1, 25, 26, 100, 1_000, 1_251, 10_000].map((count) => ({
    what: `a plan of ${count}`,
    indexes: whole(count),
  })),
  { what: 'a retry of four', indexes: [3, 28, 53, 400] },
  { what: 'a retry of the last one', indexes: [10_000] },
  { what: 'a retry of every second of 200', indexes: whole(100).map((number) => number * 2) },
  { what: 'a retry of every fourth of 400', indexes: whole(100).map((number) => number * 4) },
  { what: 'a retry of every fiftieth of 10,000', indexes: whole(200).map((number) => number * 50) },
  { what: 'a retry of every third but one', indexes: whole(300).map((number) => number * 3 + 1) },
  { what: 'a retry of primes', indexes: [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 9_973].reverse() },
];

function shard(counts: Partial<Shard>): Shard {
  return { quota: 3, succeeded: 0, failed: 0, cancelled: 0, ...counts };
}

describe('the shards of a counter', () => {
  for (const [combinations, shards] of COUNTS) {
    it(`number ${shards} for ${combinations} combinations`, () => {
      assert.equal(shardCount(combinations), shards);
    });
  }

  for (const { what, indexes } of TASKS) {
    it(`count each combination exactly once: ${what}`, () => {
      const count = shardCount(indexes.length);
      const shards = emptyShards(indexes);
      const reported = new Map<number, number>();
      for (const index of indexes) {
        const number = shardOf(index, count);
        assert.ok(number >= 0 && number < count && Number.isInteger(number), `shard ${number} of ${index}`);
        reported.set(number, (reported.get(number) ?? 0) + 1);
      }
      assert.deepEqual(new Map([...shards].map(([number, { quota }]) => [number, quota])), reported);
      for (const one of shards.values()) {
        assert.deepEqual(one, { quota: one.quota, succeeded: 0, failed: 0, cancelled: 0 });
        assert.equal(isFull(one), false);
      }
    });
  }

  it('share a whole plan or any regular part of it evenly, with neighbours in different shards', () => {
    for (const count of [26, 100, 1_000, 10_000]) {
      for (const step of [1, 2, 4, 10, 25]) {
        const indexes = whole(count / step).map((number) => number * step);
        const quotas = [...emptyShards(indexes).values()].map(({ quota }) => quota);
        assert.equal(quotas.length, shardCount(indexes.length), `every ${step} of ${count}`);
        const most = Math.max(...quotas) - indexes.length / quotas.length;
        assert.ok(most <= 8, `every ${step} of ${count}: ${quotas}`);
      }
    }
    assert.notEqual(shardOf(7, 40), shardOf(8, 40));
  });

  it('are empty without combinations', () => {
    assert.equal(emptyShards([]).size, 0);
  });

  it('are full once all their combinations have reported, whatever the status', () => {
    for (const counts of [
      { succeeded: 3 },
      { failed: 3 },
      { cancelled: 3 },
      { succeeded: 1, failed: 1, cancelled: 1 },
      { succeeded: 4 },
    ])
      assert.equal(isFull(shard(counts)), true, JSON.stringify(counts));
    for (const counts of [{}, { succeeded: 2 }, { failed: 1, cancelled: 1 }])
      assert.equal(isFull(shard(counts)), false, JSON.stringify(counts));
  });

  it('add up, and the latest successes of all shards are in order', () => {
    const shards = [
      shard({ succeeded: 66, failed: 2, succeededAt: Array.from({ length: 66 }, (_, at) => 2 * at) }),
      shard({ succeeded: 1, cancelled: 3, succeededAt: [129], targets: { reels_pass: 1, shorts_note: 1 } }),
      shard({ targets: { reels_pass: 4, tiktok_missed: 2 } }),
      shard({ targets: { reels_pass: 'many', other: 1 } as never }),
    ];
    const { succeededAt, targets, ...counts } = sumOf(shards);
    assert.deepEqual(counts, { succeeded: 67, failed: 2, cancelled: 3 });
    assert.deepEqual(targets, { reels_pass: 5, shorts_note: 1, tiktok_missed: 2 });
    assert.deepEqual([succeededAt.length, ...succeededAt.slice(-3)], [64, 128, 129, 130]);
  });

  it('add up to zero, without a success, before anything is reported', () => {
    const nothing = { succeeded: 0, failed: 0, cancelled: 0, succeededAt: [], targets: {} };
    assert.deepEqual(sumOf([]), nothing);
    assert.deepEqual(sumOf([shard({}), shard({})]), nothing);
  });
});
