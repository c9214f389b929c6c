/**
 * How the count of a task's reports is spread. One document takes about one write a second for long
 * (https://firebase.google.com/docs/firestore/solutions/counters), so each shard counts a part of the combinations, and
 * knows how many are its own.
 */

const REPORTS_PER_SHARD = 25;
const MAX_SHARDS = 50;
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export interface Shard {
  /** Number of the combinations that it counts. */
  quota: number;
  succeeded: number;
  failed: number;
  cancelled: number;
  /** Milliseconds since the epoch, by the clock of who reported; absent before. */
  firstReportAt?: number;
}

export function shardCount(combinations: number): number {
  return Math.min(MAX_SHARDS, Math.max(1, Math.ceil(combinations / REPORTS_PER_SHARD)));
}

/**
 * The number of the shard that counts a combination. Steps of the golden ratio spread neighbours, which report together,
 * and any other regular choice of indexes, as the failures of one clip are, evenly over all of them.
 */
export function shardOf(index: number, shards: number): number {
  return Math.floor(((index * GOLDEN_RATIO) % 1) * shards);
}

/** The shards of a task with these combinations, by number; those that would count none are not there. */
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

/** What all of them counted together. */
export function sumOf(shards: readonly Shard[]) {
  const sum = (count: 'succeeded' | 'failed' | 'cancelled') =>
    shards.reduce((total, shard) => total + shard[count], 0);
  const first = Math.min(...shards.map((shard) => shard.firstReportAt ?? Number.POSITIVE_INFINITY));
  return {
    succeeded: sum('succeeded'),
    failed: sum('failed'),
    cancelled: sum('cancelled'),
    firstReportAt: Number.isFinite(first) ? first : null,
  };
}
