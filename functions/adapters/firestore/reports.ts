import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { DocumentReference, DocumentSnapshot, Timestamp } from '@google-cloud/firestore';
import { LRUCache } from 'lru-cache';
import { TransientError } from '../../base/errors.ts';
import { reportRecord } from '../../model/names.ts';
import type { Report } from '../../model/report.ts';
import { talliedBy } from '../../model/target-tally.ts';
import type { ReportStore } from '../../ports/reports.ts';
import type { Seal } from '../../ports/seal.ts';
import { GRPC, grpcCode, isInconclusive } from '../shared/google-errors.ts';
import {
  completionAt,
  type Expiring,
  type FirestoreConnection,
  inRounds,
  millisecondsBetween,
  numberId,
  reportAt,
  type Store,
  shardsOf,
  taskAt,
} from './firestore.ts';
import { leaseAt, requireIdle } from './leases.ts';
import { allShards } from './queries.ts';
import { isFull, type Shard, shardOf } from './shards.ts';

export interface FirestoreReportsOptions {
  firestore: FirestoreConnection;
  seal: Seal;
}

const TASKS_KEPT = 100;
/** How long a claim holder may take. Publishing one message and recording it takes a tenth of this. */
const PUBLISHING_MS = 2_000;
const LOOK_AGAIN_MS = 200;
/** Twice as many as it takes to see that a holder has died. */
const MOST_LOOKS = (2 * PUBLISHING_MS) / LOOK_AGAIN_MS;
/** Reports of one commit, each with its lease: Firestore takes 500 writes at a time. */
const AT_A_TIME = 200;
const READ_AT_A_TIME = 500;
/** The document is there, or is not the forged one that was to be replaced. */
const EXISTS: readonly unknown[] = [GRPC.ALREADY_EXISTS, GRPC.FAILED_PRECONDITION];

/** A report as stored in its document. */
interface Stored {
  /** JSON: Firestore needs none of its fields, and a seal needs the exact text. */
  body: string;
  seal: string;
  /** A random value of the writer, which tells its own document from another writer's. */
  token: string;
}

/**
 * A report is one write batch instead of a transaction. Creating the document can succeed only once, and the shard's
 * increment is part of the same batch. So no writer waits for a lock, and a repeated report is not counted again.
 */
export function createFirestoreReports({ firestore, seal }: FirestoreReportsOptions): ReportStore {
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

  const isOurs = (taskId: string, index: number, { body, seal: own }: Stored) =>
    seal.fits(reportRecord(taskId, index), body, own);
  /** Undefined for a missing report, and for one with a wrong seal. */
  const reportIn = (taskId: string, index: number, snapshot: DocumentSnapshot): Report | undefined => {
    const stored = snapshot.data() as Stored | undefined;
    if (stored === undefined || !isOurs(taskId, index, stored)) return undefined;
    return JSON.parse(stored.body) as Report;
  };

  const storedOf = (taskId: string, report: Report, token: string): Stored => {
    const body = JSON.stringify(report);
    return { body, seal: seal.of(reportRecord(taskId, report.index), body), token };
  };

  /** In one commit, which fails if a lease is taken or a report arrives meanwhile. */
  const someIdle = async (
    connected: Store,
    taskId: string,
    reports: readonly Report[],
    leaseKeys: readonly string[],
  ): Promise<number[]> => {
    const { db, sdk } = connected;
    const token = randomUUID();
    return inRounds(async () => {
      const batch = db.batch();
      const refs = reports.map(({ index }) => reportAt(db, taskId, index));
      const found = await db.getAll(...leaseKeys.map((key) => leaseAt(db, key)), ...refs);
      const counted: number[] = [];
      const ofShard = new Map<string, { shard: DocumentReference; count: number }>();
      for (const [at, report] of reports.entries()) {
        const [lease, earlier] = [found[at], found[reports.length + at]] as [
          DocumentSnapshot,
          DocumentSnapshot,
        ];
        // Ours if only the answer to the last commit was lost.
        if (earlier.get('token') === token) counted.push(report.index);
        if (earlier.exists || !requireIdle(batch, lease)) continue;
        counted.push(report.index);
        batch.create(earlier.ref, { ...storedOf(taskId, report, token), ...firestore.retained() });
        const shard = await shardAt(connected, taskId, report.index);
        ofShard.set(shard.path, { shard, count: 1 + (ofShard.get(shard.path)?.count ?? 0) });
      }
      for (const { shard, count } of ofShard.values())
        batch.update(shard, { cancelled: sdk.FieldValue.increment(count) });
      try {
        await batch.commit();
      } catch (error) {
        if (EXISTS.includes(grpcCode(error))) return 'changed';
        throw error;
      }
      return { value: counted };
    });
  };

  return {
    report: (taskId, report) =>
      firestore.run(async (connected) => {
        const { db, sdk } = connected;
        const ref = reportAt(db, taskId, report.index);
        const token = randomUUID();
        const stored = storedOf(taskId, report, token);
        const shard = await shardAt(connected, taskId, report.index);
        /** Instead of a forged document, if one is given. */
        const commit = async (forged?: DocumentSnapshot) => {
          const batch = db.batch();
          const document = { ...stored, ...firestore.retained() };
          if (forged?.updateTime === undefined) batch.create(ref, document);
          else batch.update(ref, document, { lastUpdateTime: forged.updateTime });
          batch.update(shard, {
            [report.status]: sdk.FieldValue.increment(1),
            ...(report.status === 'succeeded' ? { succeededAt: sdk.FieldValue.arrayUnion(Date.now()) } : {}),
            ...Object.fromEntries(
              talliedBy(report.targets).map((key) => [`targets.${key}`, sdk.FieldValue.increment(1)]),
            ),
          });
          await batch.commit();
          return true;
        };
        let forged: DocumentSnapshot | undefined;
        return inRounds(async () => {
          try {
            return { value: await commit(forged) };
          } catch (error) {
            const exists = EXISTS.includes(grpcCode(error));
            if (!exists && !isInconclusive(error)) throw error;
            const found = await ref.get();
            // The document is ours if only the answer to the commit was lost.
            if (found.get('token') === token) return { value: true };
            if (!exists) throw error;
            if (reportIn(taskId, report.index, found) !== undefined) return { value: false };
            forged = found;
            return 'changed';
          }
        });
      }),

    async reportIdle(taskId, reports, leaseKeys) {
      const counted: number[] = [];
      for (let from = 0; from < reports.length; from += AT_A_TIME) {
        const some = reports.slice(from, from + AT_A_TIME);
        const keys = leaseKeys.slice(from, from + AT_A_TIME);
        counted.push(...(await firestore.run((connected) => someIdle(connected, taskId, some, keys))));
      }
      return counted;
    },

    async list(taskId, from, to) {
      const found: Report[] = [];
      for (let first = from; first <= to; first += READ_AT_A_TIME) {
        const count = Math.min(READ_AT_A_TIME, to - first + 1);
        const indexes = Array.from({ length: count }, (_, at) => first + at);
        const snapshots = await firestore.run(({ db }) =>
          db.getAll(...indexes.map((index) => reportAt(db, taskId, index))),
        );
        for (const [at, snapshot] of snapshots.entries()) {
          const report = reportIn(taskId, indexes[at] as number, snapshot);
          if (report !== undefined) found.push(report);
        }
      }
      return found;
    },

    claimCompletion: (taskId, index) =>
      firestore.run(async (connected) => {
        if (index !== undefined) {
          const own = (await (await shardAt(connected, taskId, index)).get()).data() as Shard | undefined;
          if (own === undefined || !isFull(own)) return 'open';
        }
        const shards = (await allShards(connected, taskId).get()).docs;
        if (shards.length === 0) throw unknownTask(taskId);
        if (!shards.every((shard) => isFull(shard.data() as Shard))) return 'open';

        return claim(completionAt(connected.db, taskId), firestore.retained());
      }),

    markCompletionPublished: (taskId) =>
      firestore.run(async ({ db }) => {
        await completionAt(db, taskId).update({ published: true });
      }),
  };
}

/** The caller that creates the claim publishes. Other callers wait until it has done so. */
async function claim(ref: DocumentReference, expiry: Expiring): Promise<'claimed' | 'published'> {
  const token = randomUUID();
  try {
    await ref.create({ published: false, token, ...expiry });
    return 'claimed';
  } catch (error) {
    if (grpcCode(error) !== GRPC.ALREADY_EXISTS) throw error;
  }
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const found = await ref.get();
    if (found.get('published') === true) return 'published';
    // Someone has just removed the claim, and with it the task.
    if (!found.exists) break;
    const age = millisecondsBetween(found.createTime as Timestamp, found.readTime);
    // Either the claim is ours and only the answer was lost, or its holder has died before publishing.
    if (found.get('token') === token || age > PUBLISHING_MS) return 'claimed';
    await pause(LOOK_AGAIN_MS);
  }
  throw new TransientError(
    'platform_unavailable',
    `Expected the claim of a completion to be published or to get older than ${PUBLISHING_MS / 1000} s, got neither.`,
  );
}

function unknownTask(taskId: string): Error {
  return new Error(`Expected a report of a stored task, got the unknown id ${taskId}`);
}
