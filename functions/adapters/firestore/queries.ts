/**
 * Every query that is put to Firestore, in one place: each needs an index, and test/adapters/firestore/indexes.test.ts
 * compares them with those that are declared.
 */
import type { Query } from '@google-cloud/firestore';
import { numberId, pinsOf, rendersOf, type Store, shardsOf } from './firestore.ts';

/** Ids of the tasks that are not finished, the oldest first, after the given one. */
export function unfinishedTasks(
  { db, sdk }: Store,
  limit: number,
  after?: { /** Timestamp. */ storedAt: unknown; documentId: string },
): Query {
  const query = db
    .collection('tasks')
    // Only what is not finished has this field.
    .orderBy('openSince')
    .orderBy(sdk.FieldPath.documentId())
    .limit(limit)
    .select();
  return after === undefined ? query : query.startAfter(after.storedAt, after.documentId);
}

export function reportsBetween({ db, sdk }: Store, taskId: string, from: number, to: number): Query {
  return rendersOf(db, taskId)
    .orderBy(sdk.FieldPath.documentId())
    .startAt(numberId(from))
    .endAt(numberId(to));
}

/** At most 50 documents. */
export function allShards({ db }: Store, taskId: string): Query {
  return shardsOf(db, taskId);
}

/** One document for each source and each URL. */
export function allPins({ db }: Store, taskId: string): Query {
  return pinsOf(db, taskId);
}
