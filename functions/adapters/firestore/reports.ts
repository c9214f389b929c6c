import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentReference, Timestamp } from '@google-cloud/firestore';
import { LRUCache } from 'lru-cache';
import type { Report } from '../../model/report.ts';
import type { ReportStore } from '../../ports.ts';
import { GRPC, grpcCode, isInconclusive } from '../shared/google-errors.ts';
import {
  completionAt,
  type FirestoreConnection,
  millisecondsBetween,
  numberId,
  rendersOf,
  retained,
  type Store,
  shardsOf,
  taskAt,
} from './firestore.ts';
import { allShards, reportsBetween } from './queries.ts';
import { isFull, type Shard, shardOf } from './shards.ts';

export interface FirestoreReportsOptions {
  firestore: FirestoreConnection;
}

const TASKS_KEPT = 100;
/** How long a claim holder may take. Publishing one message and recording it takes a tenth of this. */
const PUBLISHING_MS = 2_000;
const LOOK_AGAIN_MS = 200;

/** A report as stored in its document. */
interface Stored extends Report {
  /** A random value of the writer, which tells its own document from another writer's. */
  token: string;
  expireAt: unknown;
}

/**
 * A report is one write batch instead of a transaction. Creating the document can succeed only once, and the shard's
 * increment is part of the same batch. So no writer waits for a lock, and a repeated report is not counted again.
 */
export function createFirestoreReports({ firestore }: FirestoreReportsOptions): ReportStore {
  const shardCounts = new LRUCache<string, number>({ max: TASKS_KEPT });

  const shardAt = async ({ db }: Store, taskId: string, index: number) => {
    let count = shardCounts.get(taskId);
    if (count === undefined) {
      const [task] = await db.getAll(taskAt(db, taskId), { fieldMask: ['shards'] });
      count = task?.get('shards') as number | undefined;
      if (count === undefined) throw unknownTask(taskId);
      shardCounts.set(taskId, count);
    }
    return shardsOf(db, taskId).doc(numberId(shardOf(index, count)));
  };

  return {
    report: (taskId, report) =>
      firestore.run(async (connected) => {
        const { db, sdk } = connected;
        const ref = rendersOf(db, taskId).doc(numberId(report.index));
        const token = randomUUID();
        const batch = db.batch();
        batch.create(ref, { ...report, token, ...retained() });
        batch.update(await shardAt(connected, taskId, report.index), {
          [report.status]: sdk.FieldValue.increment(1),
          firstReportAt: sdk.FieldValue.minimum(Date.now()),
        });
        try {
          await batch.commit();
          return true;
        } catch (error) {
          const exists = grpcCode(error) === GRPC.ALREADY_EXISTS;
          if (!exists && !isInconclusive(error)) throw error;
          // The document is ours if only the answer to the commit was lost.
          const ours = (await ref.get()).get('token') === token;
          if (!ours && !exists) throw error;
          return ours;
        }
      }),

    list: (taskId, from, to) =>
      firestore.run(async (connected) => {
        // Most callers ask for one report, which needs no query.
        if (from === to) {
          const one = await rendersOf(connected.db, taskId).doc(numberId(from)).get();
          return one.exists ? [reportOf(one.data() as Stored)] : [];
        }
        const { docs } = await reportsBetween(connected, taskId, from, to).get();
        return docs.map((doc) => reportOf(doc.data() as Stored));
      }),

    claimCompletion: (taskId, index) =>
      firestore.run(async (connected) => {
        if (index !== undefined) {
          const own = (await (await shardAt(connected, taskId, index)).get()).data() as Shard | undefined;
          if (own === undefined || !isFull(own)) return 'open';
        }
        const shards = (await allShards(connected, taskId).get()).docs;
        if (shards.length === 0) throw unknownTask(taskId);
        if (!shards.every((shard) => isFull(shard.data() as Shard))) return 'open';

        return claim(completionAt(connected.db, taskId));
      }),

    markCompletionPublished: (taskId) =>
      firestore.run(async ({ db }) => {
        await completionAt(db, taskId).update({ published: true });
      }),
  };
}

/** The caller that creates the claim publishes. Other callers wait until it has done so. */
async function claim(ref: DocumentReference): Promise<'claimed' | 'published'> {
  const token = randomUUID();
  try {
    await ref.create({ published: false, token, ...retained() });
    return 'claimed';
  } catch (error) {
    if (grpcCode(error) !== GRPC.ALREADY_EXISTS) throw error;
  }
  for (;;) {
    const found = await ref.get();
    if (found.get('published') === true) return 'published';
    const age = millisecondsBetween(found.createTime as Timestamp, found.readTime);
    // Either the claim is ours and only the answer was lost, or its holder has died before publishing.
    if (found.get('token') === token || age > PUBLISHING_MS) return 'claimed';
    await pause(LOOK_AGAIN_MS);
  }
}

function reportOf({ token: _token, expireAt: _expireAt, ...report }: Stored): Report {
  return report;
}

function unknownTask(taskId: string): Error {
  return new Error(`Expected a report of a stored task, got the unknown id ${taskId}`);
}
