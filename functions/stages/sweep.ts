import { setImmediate as turnOfOthers } from 'node:timers/promises';
import pLimit from 'p-limit';
import { chunked } from '../base/chunked.ts';
import { counted } from '../base/counted.ts';
import { type Failure, isShortage, isShortageCode, TransientError } from '../base/errors.ts';
import { inTraceOf, traced } from '../base/trace.ts';
import { graceIsOver } from '../coordination/grace.ts';
import { endIdleTime, idleTime } from '../coordination/idle-time.ts';
import { completingKey, pieceKey, prepareKey, renderKey } from '../coordination/lease-keys.ts';
import type { Problems } from '../coordination/problems.ts';
import { allPinNames } from '../model/pins.ts';
import type { Combination } from '../model/plan.ts';
import type { Progress, Task } from '../model/task.ts';
import { endCancelled } from '../pipeline/end-cancelled.ts';
import { publishLost } from '../pipeline/lost-messages.ts';
import { pieceStates } from '../pipeline/pieces.ts';
import { publishTask } from '../pipeline/publish.ts';
import {
  checkCompletion,
  failedReport,
  openCombinations,
  type ReportingDeps,
  reportOnly,
} from '../pipeline/reporting.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Memo } from '../ports/memo.ts';
import type { PinStore } from '../ports/pins.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { WebhookStore } from '../ports/webhooks.ts';

export interface SweepDeps extends ReportingDeps {
  tasks: TaskStore;
  pins: PinStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  memo: Memo;
  webhooks: Pick<WebhookStore, 'due'>;
  problems: Pick<Problems, 'latest'>;
  /** A task that is not published after this long was interrupted; 0 if no other process can be publishing it. */
  publishingMs?: number;
  /** How often it runs. */
  everyMs?: number;
  now?: () => number;
}

/** As Cloud Scheduler calls it. */
const EVERY_MS = 300_000;
/** Publishing takes seconds. */
const PUBLISHING_MS = 60_000;
/** Completing takes seconds. A task that has all its reports and is not finished after this long is stuck. */
const COMPLETING_MS = 600_000;
/** A task without progress for this long, in time in which the sweep ran, is overdue: however old tasks are, they end. */
export const IDLE_LIMIT_MS = 24 * 3_600_000;
/** While something of the task is being worked on, it has this long: it may be a long clip, or its holder hangs. */
export const WORKED_ON_LIMIT_MS = 2 * IDLE_LIMIT_MS;
/** A task without progress for this long may have lost messages. Or they wait for those of other tasks. */
export const LOST_AFTER_MS = 600_000;
/** Work that waits for room is tried again more often than this. */
const NOTED_WITHIN_MS = 900_000;
/** Leases and pins that are read at a time. */
const READ_AT_ONCE = 200;
/** In parallel, so that even a task with thousands of combinations ends within one run. */
const OVERDUE_AT_A_TIME = 20;
const PAGE = 100;
/** Events that are looked at together, and published in one sweep. Those that are left are due at the next one, too. */
const MOST_EVENTS = 500;

/** Repairs what a process that died left undone. Run it from time to time; concurrent runs are harmless. */
export async function sweep(deps: SweepDeps): Promise<void> {
  // Not in the trace of whoever asks for it: each event belongs to that of its task, which whoever sends it finds.
  await traced(undefined, () => publishDueEvents(deps));
  let after: string | undefined;
  for (;;) {
    const ids = await deps.tasks.unfinished(PAGE, after);
    for (const id of ids) {
      // A task that cannot be repaired must not hold up the others.
      await sweepTask(id, deps).catch((error: unknown) => {
        const fields = { event: 'sweep.failed', task_id: id, error } as const;
        // A full disk has a line of its own, and fails the sweep of every task.
        if (isShortage(error)) deps.log.debug('A task could not be swept', fields);
        else deps.log.error('A task could not be swept; the next sweep tries again', fields);
      });
      await turnOfOthers();
    }
    after = ids.at(-1);
    if (ids.length < PAGE) return;
  }
}

/** Those that are to be sent again, and those whose message is lost. Sending one twice at a time is left to one message. */
async function publishDueEvents({ webhooks, queue, log, now = Date.now }: SweepDeps): Promise<void> {
  try {
    // Thousands may be out already, and must not hide one whose message is lost.
    for (let skip = 0, published = 0; published < MOST_EVENTS; skip += MOST_EVENTS) {
      const ids = await webhooks.due(now(), MOST_EVENTS, skip);
      const messages = ids.map((taskId) => ({ topic: 'webhook', taskId }) as const);
      const isOut = await Promise.all(messages.map((message) => queue.has?.(message)));
      const lost = messages.filter((_, at) => !isOut[at]);
      await queue.publish(lost);
      published += lost.length;
      if (ids.length < MOST_EVENTS) return;
      await turnOfOthers();
    }
  } catch (error) {
    // Tasks are swept all the same.
    log.error('The events that are due could not be published; the next sweep tries again', {
      event: 'sweep.failed',
      error,
    });
  }
}

async function sweepTask(taskId: string, deps: SweepDeps): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const progress = await deps.tasks.progress(taskId);
  if (task === undefined || progress === undefined || progress.finishedAt !== null) return;
  await inTraceOf(task, () => repair(task, progress, deps));
}

async function repair(task: Task, progress: Progress, deps: SweepDeps): Promise<void> {
  const taskId = task.id;
  const now = (deps.now ?? Date.now)();
  const created = Date.parse(task.createdAt);

  if (!progress.published && now - created >= (deps.publishingMs ?? PUBLISHING_MS)) {
    await publishTask(task, deps);
    logRepair(deps, task, 'published its messages again');
  }
  if (!allIn(task, progress)) {
    // The process that cancelled it may have died.
    if (progress.cancelRequested) await cancelAgain(task, deps);
    await endIfOverdue(task, progress, now, deps);
  }
  await checkCompletion(taskId, deps);
  if (allIn(task, progress)) await completeAgain(task, deps);
}

async function cancelAgain(task: Task, deps: SweepDeps): Promise<void> {
  const done = await endCancelled(task, deps);
  if (done !== undefined && done.ended > 0) logRepair(deps, task, 'cancelled the rest of its combinations');
}

/**
 * Publishes `complete` again if the task is still not finished after the grace period: the message may be lost. One that
 * waits, for example for the output, is not.
 */
async function completeAgain(task: Task, deps: SweepDeps): Promise<void> {
  if (!(await graceIsOver(deps.attempts, completingKey(task.id), COMPLETING_MS))) return;
  const message = { topic: 'complete', taskId: task.id } as const;
  if (await deps.queue.has?.(message)) return;
  await deps.queue.publish([message]);
  logRepair(deps, task, 'asked for its completion again');
}

function allIn(task: Task, progress: Progress): boolean {
  return reportsIn(progress) >= task.plan.combinations.length;
}

function reportsIn({ succeeded, failed, cancelled }: Progress): number {
  return succeeded + failed + cancelled;
}

async function endIfOverdue(task: Task, progress: Progress, now: number, deps: SweepDeps): Promise<void> {
  if (await waitsForRoom(task, now, deps)) return;
  const idleMs = await idleTime(deps.memo, task.id, {
    reports: reportsIn(progress),
    countPins: () => countPins(task, deps),
    now,
    everyMs: deps.everyMs ?? EVERY_MS,
  }).catch((error: unknown) => {
    // Time that cannot be counted now, for example on a full disk, does not count.
    if (TransientError.is(error)) return 0;
    throw error;
  });
  if (idleMs < LOST_AFTER_MS) return;
  if (idleMs < IDLE_LIMIT_MS) {
    if (progress.cancelRequested) return;
    const lost = await publishLost(task, idleMs, deps);
    if (lost > 0) logRepair(deps, task, `published ${counted(lost, 'message')} again, as nothing went on`);
    return;
  }
  const open = await openCombinations(task, deps.reports);
  if (idleMs < WORKED_ON_LIMIT_MS && (await isWorkedOn(task, open, deps))) return;
  await endIdleTime(deps.memo, task.id);
  await endOverdue(task, open, deps);
}

/** Its work goes on by itself once the output is back, or the disk has room, however long that takes. */
async function waitsForRoom({ id }: Task, now: number, { problems }: SweepDeps): Promise<boolean> {
  const latest = await problems.latest(id);
  return latest.some(({ code, notedAt }) => isShortageCode(code) && now - notedAt < NOTED_WITHIN_MS);
}

async function countPins(task: Task, { pins }: SweepDeps): Promise<number> {
  const { id, plan } = task;
  let count = 0;
  for (const names of chunked(allPinNames(plan.sources.length), READ_AT_ONCE)) {
    count += (await pins.read(id, names)).filter((pin) => pin !== undefined).length;
  }
  return count + (await countPieces(task, pins));
}

async function countPieces(task: Task, pins: PinStore): Promise<number> {
  const [first] = await pieceStates(task, task.plan.combinations, pins);
  // All have the same pins.
  return first?.pins.size ?? 0;
}

/** Whether a source or an open combination of the task has a living holder. */
async function isWorkedOn(
  task: Task,
  open: readonly Combination[],
  { leases, pins }: SweepDeps,
): Promise<boolean> {
  const pieces = new Set((await pieceStates(task, open, pins)).flatMap(({ names }) => names));
  const keys = [
    ...[...pieces].map((name) => pieceKey(task.id, name)),
    ...task.plan.sources.map((_, source) => prepareKey(task.id, source)),
    ...open.map(({ index }) => renderKey(task.id, index)),
  ];
  for (const some of chunked(keys, READ_AT_ONCE)) {
    if ((await leases.read(some)).includes('held')) return true;
  }
  return false;
}

async function endOverdue(task: Task, open: readonly Combination[], deps: SweepDeps): Promise<void> {
  const error: Failure = {
    code: 'overdue',
    stage: 'deliver',
    message: `Expected the task to make progress, got none in ${IDLE_LIMIT_MS / 3_600_000} hours in which the service was up.`,
  };
  const limit = pLimit(OVERDUE_AT_A_TIME);
  const end = (combination: Combination) => reportOnly(task, failedReport(task, combination, error), deps);
  const ended = await Promise.all(open.map((combination) => limit(() => end(combination))));
  if (ended.some(Boolean)) logRepair(deps, task, 'failed its overdue combinations');
}

function logRepair({ log }: SweepDeps, task: Task, what: string): void {
  log.warn(`Task "${task.name}": ${what}`, {
    event: 'sweep.repaired',
    task_id: task.id,
    task_name: task.name,
    repair: what,
  });
}
