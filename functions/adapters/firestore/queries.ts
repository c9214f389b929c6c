/**
 * All Firestore queries. Each needs an index, and test/adapters/firestore/indexes.test.ts compares them with the
 * declared ones.
 */
import type { CollectionReference, DocumentReference, Query } from '@google-cloud/firestore';
import type { WantedTasks } from '../../model/task-summary.ts';
import { pinsOf, problemsOf, type Store, shardsOf } from './firestore.ts';

/** All that have not ended. */
export function openTasks({ db }: Store): Query {
  // Only unfinished tasks have this field.
  return db.collection('tasks').orderBy('openSince');
}

/** The unfinished tasks, oldest first, after the given one: ids, and when they expire. */
export function unfinishedTasks(
  store: Store,
  limit: number,
  after?: { /** Timestamp. */ storedAt: unknown; documentId: string },
): Query {
  const query = openTasks(store)
    .orderBy(store.sdk.FieldPath.documentId())
    .limit(limit)
    .select('openSince', 'expireAt');
  return after === undefined ? query : query.startAfter(after.storedAt, after.documentId);
}

/** Their fields for a list, newest first. */
export function listedTasks({ db, sdk }: Store, { limit, after, name, ended }: WantedTasks): Query {
  let query: Query = db.collection('tasks');
  if (name !== undefined) query = query.where('name', '==', name);
  if (ended !== undefined) query = query.where('ended', '==', ended === 'open' ? null : ended);
  query = query
    // Keeps out whatever is no time, and what no position can be made of: microseconds must be safe integers.
    .where('storedAt', '>=', new sdk.Timestamp(0, 0))
    .where('storedAt', '<', new sdk.Timestamp(Math.floor(Number.MAX_SAFE_INTEGER / 1e6), 0))
    .orderBy('storedAt', 'desc')
    .orderBy(sdk.FieldPath.documentId(), 'desc')
    .limit(limit)
    .select(...LISTED);
  if (after === undefined) return query;
  const storedAt = new sdk.Timestamp(Math.floor(after.at / 1e6), (after.at % 1e6) * 1e3);
  return query.startAfter(storedAt, after.id);
}

const LISTED = [
  ...['name', 'createdAt', 'storedAt', 'combinations', 'cancelled', 'finishedAt'],
  ...['ended', 'totals', 'sources', 'renders'],
];

/** Claims that the task has: that of its Idempotency-Key, and as a retry. */
export function claimsOf({ db }: Store, taskId: string, limit: number): Query {
  return db.collection('claims').where('taskId', '==', taskId).limit(limit).select();
}

/** When documents expire, in the order of their ids, after the given one. */
export function expiryTimes(
  { sdk }: Store,
  collection: CollectionReference,
  limit: number,
  after?: DocumentReference,
): Query {
  const query = collection.orderBy(sdk.FieldPath.documentId()).limit(limit).select('expireAt');
  return after === undefined ? query : query.startAfter(after);
}

/** At most 50 documents. */
export function allShards({ db }: Store, taskId: string): Query {
  return shardsOf(db, taskId);
}

/** One document per source and per URL. */
export function allPins({ db }: Store, taskId: string): Query {
  return pinsOf(db, taskId);
}

/** Pins of the sources that renders can use. */
export function readyPins(store: Store, taskId: string): Query {
  return allPins(store, taskId).where('ready', '==', true);
}

/** The events that are due, the longest first. Those that are not to be sent have null there. */
export function dueWebhooks({ db }: Store, at: number, limit: number, skip: number): Query {
  const due = db.collection('webhooks').where('nextTryAt', '<=', at).orderBy('nextTryAt');
  return due.offset(skip).limit(limit).select();
}

export function latestProblems({ db }: Store, taskId: string, limit: number): Query {
  return problemsOf(db, taskId).orderBy('notedAt', 'desc').limit(limit);
}
