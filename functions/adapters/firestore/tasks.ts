import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore';
import { LRUCache } from 'lru-cache';
import { claimRecord, taskRecord } from '../../model/names.ts';
import { type Claim, type Counts, type EndedStatus, endedStatus, type Task } from '../../model/task.ts';
import { outlineOf } from '../../model/task-summary.ts';
import type { Seal } from '../../ports/seal.ts';
import type { TaskStore } from '../../ports/tasks.ts';
import { GRPC, grpcCode } from '../shared/google-errors.ts';
import { claimAt, contentOf, holderOf } from './claims.ts';
import { type FirestoreConnection, inRounds, numberId, type Store, shardsOf, taskAt } from './firestore.ts';
import { nameAt, takenAt } from './names.ts';
import { allShards, openTasks, unfinishedTasks } from './queries.ts';
import { removeTask } from './remove-task.ts';
import { emptyShards, type Shard, shardCount, sumOf } from './shards.ts';
import { listTasks } from './task-list.ts';
import { refuseNewer, TASK_VERSION } from './task-version.ts';

export interface FirestoreTasksOptions {
  firestore: FirestoreConnection;
  seal: Seal;
}

/** An instance works on few tasks at a time; one with 1,000 combinations takes about half a megabyte. */
const TASKS_KEPT = 8;
/** The longest time until it is seen that another instance has cancelled or removed a task. A longer time saves reads. */
const SEEN_AFTER_MS = 2_000;

/** Many times what a task of 10,000 combinations takes: a document of 1 MiB could unpack to a gigabyte. */
const MOST_BYTES = 64 * 2 ** 20;

const packed = promisify(gzip);
const unpacked = promisify(gunzip);

/** A task's document: the fields that are read or changed on their own. The rest never changes and is in `body`. */
interface Stored {
  /** JSON, gzipped: 10,000 combinations fit into one document of 1 MiB. */
  body: Uint8Array;
  /** Of the body, as it is stored. */
  seal: string;
  /** TASK_VERSION; absent in tasks of earlier versions. */
  version?: number;
  name: string;
  combinations: number;
  shards: number;
  storedAt: Timestamp;
  /** The same time as storedAt; deleted when the task is finished. */
  openSince?: Timestamp;
  published: boolean;
  cancelled: boolean;
  finishedAt: Timestamp | null;
  /** From here on for lists alone, and absent in tasks of earlier versions. As the task has it. */
  createdAt: string;
  /** Of its outline, as the next one. */
  sources: number;
  renders: readonly number[];
  /** Null until the task has ended. */
  ended: EndedStatus | null;
  /** Once it has ended: reading its shards for a list would cost up to 50 reads. */
  totals?: Counts;
}

interface State {
  exists: boolean;
  cancelled: boolean;
}

export function createFirestoreTasks({ firestore, seal }: FirestoreTasksOptions): TaskStore {
  const bodies = new LRUCache<string, Task>({ max: TASKS_KEPT });
  /** What stages ask for again and again. Concurrent callers share one read. */
  const states = new LRUCache<string, Promise<State>>({ max: 100, ttl: SEEN_AFTER_MS });

  const fieldsOf = async (db: Firestore, taskId: string, ...fieldMask: (keyof Stored)[]) => {
    const [snapshot] = await db.getAll(taskAt(db, taskId), { fieldMask });
    return snapshot as DocumentSnapshot;
  };

  const stateOf = (taskId: string): Promise<State> => {
    const known = states.get(taskId);
    if (known !== undefined) return known;
    const reading = firestore.run(async ({ db }) => {
      const snapshot = await fieldsOf(db, taskId, 'cancelled');
      return { exists: snapshot.exists, cancelled: snapshot.get('cancelled') === true };
    });
    states.set(taskId, reading);
    reading.catch(() => states.get(taskId) === reading && states.delete(taskId));
    return reading;
  };

  /** Stores everything in one commit, or nothing. */
  const store = async (
    { db, sdk }: Store,
    task: Task,
    claim: Claim | undefined,
    taken: DocumentSnapshot | undefined,
    takesNames: boolean,
  ) => {
    const indexes = task.plan.combinations.map(({ index }) => index);
    const batch = db.batch();
    const expiry = firestore.retained();
    const body = await packed(JSON.stringify(task));
    batch.create(taskAt(db, task.id), {
      body,
      seal: seal.of(taskRecord(task.id), body),
      version: TASK_VERSION,
      name: task.name,
      combinations: indexes.length,
      shards: shardCount(indexes.length),
      storedAt: sdk.FieldValue.serverTimestamp(),
      openSince: sdk.FieldValue.serverTimestamp(),
      published: false,
      cancelled: false,
      finishedAt: null,
      createdAt: task.createdAt,
      ...outlineOf(task.plan),
      ended: null,
      ...expiry,
    });
    // Reserves the short id, which begins the names of the task's files in the folder.
    batch.create(nameAt(db, task), { taskId: task.id, ...expiry });
    // Without an expiry: the files stay, too.
    if (takesNames) batch.create(takenAt(db, task.folder), { taskId: task.id });
    for (const [number, shard] of emptyShards(indexes)) {
      batch.create(shardsOf(db, task.id).doc(numberId(number)), { ...shard, ...expiry });
    }
    if (claim !== undefined) {
      const holder = { taskId: task.id, fingerprint: claim.fingerprint, ttlMs: claim.ttlMs };
      const claimed = { ...holder, seal: seal.of(claimRecord(claim.key), contentOf(holder)), ...expiry };
      const version = taken?.updateTime;
      if (version === undefined) batch.create(claimAt(db, claim.key), claimed);
      else batch.update(claimAt(db, claim.key), claimed, { lastUpdateTime: version });
    }
    await batch.commit();
  };

  return {
    create: (task, claim, takesNames = false) =>
      firestore.run(async (connected) => {
        const { db } = connected;
        const taken = claim && (await claimAt(db, claim.key).get());
        if (claim && taken && (await holderOf(db, claim.key, taken, seal)) !== undefined) return false;
        try {
          await store(connected, task, claim, taken, takesNames);
          return true;
        } catch (error) {
          const code = grpcCode(error);
          if (code !== GRPC.ALREADY_EXISTS && code !== GRPC.FAILED_PRECONDITION) throw error;
          // The id is new, so if it exists our first commit succeeded, its answer was lost, and the client sent it
          // again.
          return (await fieldsOf(db, task.id, 'storedAt')).exists;
        }
      }),

    namesTaken: (folder) => firestore.run(async ({ db }) => (await takenAt(db, folder).get()).exists),

    claimed: (key) => firestore.run(async ({ db }) => holderOf(db, key, await claimAt(db, key).get(), seal)),

    async get(taskId) {
      const known = bodies.get(taskId);
      // Otherwise a late message would make the videos of a task again that another instance has removed.
      if (known !== undefined) return (await stateOf(taskId)).exists ? known : undefined;
      return firestore.run(async ({ db }) => {
        const { body, ...stored } = ((await fieldsOf(db, taskId, 'body', 'seal', 'version')).data() ??
          {}) as Partial<Stored>;
        refuseNewer(taskId, stored.version);
        if (body === undefined || !seal.fits(taskRecord(taskId), body, stored.seal)) return undefined;
        const task = JSON.parse((await unpacked(body, { maxOutputLength: MOST_BYTES })).toString()) as Task;
        bodies.set(taskId, task);
        return task;
      });
    },

    markPublished: (taskId) =>
      firestore.run(async ({ db }) => {
        await taskAt(db, taskId).update({ published: true });
      }),

    cancel: (taskId) =>
      firestore.run(async ({ db }) => {
        await taskAt(db, taskId).update({ cancelled: true });
        states.set(taskId, Promise.resolve({ exists: true, cancelled: true }));
      }),

    isCancelled: async (taskId) => (await stateOf(taskId)).cancelled,

    progress: (taskId) =>
      firestore.run(async (connected) => {
        const snapshot = await fieldsOf(connected.db, taskId, 'published', 'cancelled', 'finishedAt');
        if (!snapshot.exists) return undefined;
        const { published, cancelled: cancelRequested, finishedAt } = snapshot.data() as Stored;
        const shards = await allShards(connected, taskId).get();
        return {
          published,
          cancelRequested,
          ...sumOf(shards.docs.map((shard) => shard.data() as Shard)),
          finishedAt: finishedAt?.toMillis() ?? null,
        };
      }),

    unfinished: (limit, afterId) =>
      firestore.run(async (connected) => {
        const after = afterId === undefined ? undefined : await fieldsOf(connected.db, afterId, 'storedAt');
        const from = after?.exists ? { storedAt: after.get('storedAt'), documentId: after.id } : undefined;
        const found = await unfinishedTasks(connected, limit, from).get();
        return found.docs.map(({ id }) => id);
      }),

    finish: (taskId, at) =>
      firestore.run((connected) =>
        inRounds(async () => {
          const { db, sdk } = connected;
          const snapshot = await fieldsOf(db, taskId, 'finishedAt');
          const version = snapshot.updateTime;
          if (version === undefined)
            throw new Error(`Expected a stored task to finish, got the unknown id ${taskId}`);
          const finishedAt = snapshot.get('finishedAt') as Stored['finishedAt'];
          if (finishedAt !== null) return { value: finishedAt.toMillis() };
          const shards = await allShards(connected, taskId).get();
          const {
            succeededAt: _,
            targets: __,
            ...totals
          } = sumOf(shards.docs.map((shard) => shard.data() as Shard));
          const fields = {
            finishedAt: at === undefined ? sdk.FieldValue.serverTimestamp() : sdk.Timestamp.fromMillis(at),
            openSince: sdk.FieldValue.delete(),
            ended: endedStatus(totals),
            totals,
          };
          try {
            await taskAt(db, taskId).update(fields, { lastUpdateTime: version });
          } catch (error) {
            // Another writer has just finished, published or cancelled the task.
            if (grpcCode(error) !== GRPC.FAILED_PRECONDITION) throw error;
          }
          // The next round reads the time, which the server may have set.
          return 'changed';
        }),
      ),

    list: (wanted) => firestore.run((connected) => listTasks(connected, wanted)),

    countOpen: () =>
      firestore.run(async (connected) => (await openTasks(connected).count().get()).data().count),

    async remove(taskId) {
      bodies.delete(taskId);
      await removeTask(firestore, taskId);
      states.delete(taskId);
    },
  };
}
