/**
 * Distributed counters for a task's reports. One document sustains about one write per second
 * (https://firebase.google.com/docs/firestore/solutions/counters), so each shard counts a part of the combinations and
 * stores how many it is responsible for.
 */

import { PACED_SUCCESSES } from '../../model/pace.ts';
import { sumOfTallies, type TargetTally } from '../../model/target-tally.ts';

const REPORTS_PER_SHARD = 25;
const MAX_SHARDS = 50;
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export interface Shard {
  /** How many combinations this shard counts. */
  quota: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Of each video. Milliseconds since the epoch, by the reporter's clock; absent before the first. */
  succeededAt?: readonly number[];
  /** Absent before the first video of a task with targets. */
  targets?: TargetTally;
}

export function shardCount(combinations: number): number {
  return Math.min(MAX_SHARDS, Math.max(1, Math.ceil(combinations / REPORTS_PER_SHARD)));
}

/**
 * The number of the shard that counts a combination. Steps of the golden ratio spread the indexes evenly over all
 * shards: neighbours, which report together, as well as regular patterns such as the failures of one clip.
 */
export function shardOf(index: number, shards: number): number {
  return Math.floor(((index * GOLDEN_RATIO) % 1) * shards);
}

/** The shards of a task with these combinations, by number. Shards that would count nothing are left out. */
export function emptyShards(indexes: readonly number[]): Map<number, Shard> {
  const count = shardCount(indexes.length);
  const shards = new Map<number, Shard>();
  for (const index of indexes) {
    const number = shardOf(index, count);
    const shard = shards.get(number) ?? { quota: 0, succeeded: 0, failed: 0, cancelled: 0 };
    shard.quota += 1;
    shards.set(number, shard);
  }
  return shards;
}

export function isFull({ quota, succeeded, failed, cancelled }: Shard): boolean {
  return succeeded + failed + cancelled >= quota;
}

/** The totals of all shards. */
export function sumOf(shards: readonly Shard[]) {
  const sum = (count: 'succeeded' | 'failed' | 'cancelled') =>
    shards.reduce((total, shard) => total + shard[count], 0);
  return {
    succeeded: sum('succeeded'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    succeededAt: shards
      .flatMap(({ succeededAt = [] }) => succeededAt)
      .toSorted((one, other) => one - other)
      .slice(-PACED_SUCCESSES),
    targets: sumOfTallies(shards.map(({ targets }) => targets)),
  };
}
