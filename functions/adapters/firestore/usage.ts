import { randomInt } from 'node:crypto';
import { monthOf } from '../../model/usage.ts';
import type { UsageStore } from '../../ports/usage.ts';
import { DAY_MS } from '../shared/memory.ts';
import type { FirestoreConnection } from './firestore.ts';

export interface FirestoreUsageOptions {
  firestore: FirestoreConnection;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/**
 * Documents of one month, as each sustains about one write per second, while a dozen instances may speak a line each second.
 * https://firebase.google.com/docs/firestore/solutions/counters
 */
const SHARDS = 5;
/** A month is kept for a year, for whoever wants to compare. */
const KEPT_MS = 400 * DAY_MS;

export function createFirestoreUsage({ firestore, now = Date.now }: FirestoreUsageOptions): UsageStore {
  const idOf = (since: string, shard: number) => `speech-${since}-${shard}`;

  return {
    addSpeech: ({ bought = 0, saved = 0 }) =>
      firestore.run(async ({ db, sdk: { FieldValue } }) => {
        await db
          .collection('usage')
          .doc(idOf(monthOf(now()), randomInt(SHARDS)))
          .set(
            {
              bought: FieldValue.increment(bought),
              saved: FieldValue.increment(saved),
              ...firestore.retained(KEPT_MS),
            },
            { merge: true },
          );
      }),

    speech: () =>
      firestore.run(async ({ db }) => {
        const since = monthOf(now());
        const shards = Array.from({ length: SHARDS }, (_, shard) =>
          db.collection('usage').doc(idOf(since, shard)),
        );
        const found = await db.getAll(...shards);
        const sum = (field: 'bought' | 'saved') =>
          found.reduce((total, shard) => total + ((shard.get(field) as number | undefined) ?? 0), 0);
        return { since, bought: sum('bought'), saved: sum('saved') };
      }),
  };
}
