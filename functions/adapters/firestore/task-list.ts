import type { QueryDocumentSnapshot } from '@google-cloud/firestore';
import pLimit from 'p-limit';
import { ENDED_STATUSES, endedStatus } from '../../model/task.ts';
import {
  storedCount,
  storedOutline,
  type TaskPage,
  type TaskPosition,
  type TaskSummary,
  type WantedTasks,
} from '../../model/task-summary.ts';
import type { Store } from './firestore.ts';
import { allShards, listedTasks } from './queries.ts';
import { type Shard, sumOf } from './shards.ts';

/** The shards of unfinished tasks: up to 50 documents for each. */
const SUMMED_AT_ONCE = 10;
/** Whatever else has an id is no task of this service. */
const TASK_ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Characters of a name, each of which may be two units of UTF-16. */
const MAX_NAME = 400;

/**
 * From the documents of the tasks, without their bodies and seals. Other accounts may have written anything into them, so
 * no type is taken for granted.
 */
export async function listTasks(store: Store, wanted: WantedTasks): Promise<TaskPage> {
  const { docs } = await listedTasks(store, wanted).get();
  const limit = pLimit(SUMMED_AT_ONCE);
  const ours = docs.filter(({ id }) => TASK_ID.test(id));
  const tasks = await Promise.all(ours.map((doc) => limit(() => summaryOf(store, doc))));
  const last = docs.at(-1);
  return { tasks, next: last === undefined || docs.length < wanted.limit ? undefined : positionOf(last) };
}

async function summaryOf(store: Store, doc: QueryDocumentSnapshot): Promise<TaskSummary> {
  const { name, createdAt, combinations, cancelled, finishedAt, ended, totals, sources, renders } =
    doc.data();
  const counts = countsIn(totals ?? (await sharded(store, doc.id)));
  const finished = finishedAt instanceof store.sdk.Timestamp ? finishedAt.toMillis() : null;
  const own = ENDED_STATUSES.find((status) => status === ended) ?? endedStatus(counts);
  return {
    id: doc.id,
    name: typeof name === 'string' ? name.slice(0, MAX_NAME).toWellFormed() : '',
    createdAt: isTime(createdAt) ? createdAt : doc.get('storedAt').toDate().toISOString(),
    combinations: storedCount(combinations),
    ...counts,
    cancelRequested: cancelled === true,
    ended: finished === null ? null : own,
    finishedAt: finished,
    outline: storedOutline(sources, renders),
    position: positionOf(doc),
  };
}

/** Of a task that has not ended, or that an earlier version ended. */
async function sharded(store: Store, taskId: string) {
  const shards = await allShards(store, taskId).get();
  return sumOf(shards.docs.map((shard) => shard.data() as Shard));
}

function countsIn(stored: unknown) {
  const { succeeded, failed, cancelled } = Object(stored) as Record<string, unknown>;
  return {
    succeeded: storedCount(succeeded),
    failed: storedCount(failed),
    cancelled: storedCount(cancelled),
  };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && ISO_TIME.test(value) && !Number.isNaN(Date.parse(value));
}

/** Microseconds since the epoch, as Firestore stores times. */
function positionOf(doc: QueryDocumentSnapshot): TaskPosition {
  const { seconds, nanoseconds } = doc.get('storedAt');
  return { at: seconds * 1e6 + Math.floor(nanoseconds / 1e3), id: doc.id };
}
