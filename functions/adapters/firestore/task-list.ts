import type { QueryDocumentSnapshot } from '@google-cloud/firestore';
import pLimit from 'p-limit';
import { TransientError } from '../../base/errors.ts';
import { ENDED_STATUSES, endedStatus } from '../../model/task.ts';
import {
  storedCount,
  storedOutline,
  type TaskPage,
  type TaskPosition,
  type TaskSummary,
  type WantedTasks,
} from '../../model/task-summary.ts';
import { GRPC, grpcCode } from '../shared/google-errors.ts';
import type { Store } from './firestore.ts';
import { allShards, listedTasks } from './queries.ts';
import { type Shard, sumOf } from './shards.ts';

/** The shards of unfinished tasks: up to 50 documents for each. */
const SUMMED_AT_ONCE = 10;
/** Pages without a single task of ours, after which the list ends. */
const MOST_ROUNDS = 10;
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
  const { ours, isLast } = await oursAmong(store, wanted);
  const limit = pLimit(SUMMED_AT_ONCE);
  const tasks = await Promise.all(ours.map((doc) => limit(() => summaryOf(store, doc))));
  return { tasks, next: isLast ? undefined : tasks.at(-1)?.position };
}

/** Some documents unless it was the last page, as a cursor can only name one of ours. */
async function oursAmong(store: Store, wanted: WantedTasks) {
  let { after } = wanted;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { docs } = await listedTasks(store, { ...wanted, after })
      .get()
      .catch(withoutIndex);
    const ours = docs.filter(({ id }) => TASK_ID.test(id));
    const last = docs.at(-1);
    const isLast = last === undefined || docs.length < wanted.limit;
    if (isLast || ours.length > 0) return { ours, isLast };
    after = positionOf(last);
  }
  return { ours: [], isLast: true };
}

/** A query of which the index is missing, or still being built, is refused with FAILED_PRECONDITION. */
function withoutIndex(error: unknown): never {
  if (grpcCode(error) !== GRPC.FAILED_PRECONDITION) throw error;
  throw new TransientError(
    'platform_unavailable',
    'Expected an index of Firestore for this list, got none that is ready. After infra/cloud/setup.sh, it is being built for ' +
      'some minutes; if that was not run, run it. Lists without a filter work.',
    { cause: error, retryAfterMs: 60_000 },
  );
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
