import pLimit from 'p-limit';
import { type Failure, isShortage } from '../base/errors.ts';
import { graceIsOver } from '../coordination/grace.ts';
import { completingKey, renderKey } from '../coordination/lease-keys.ts';
import type { Combination } from '../model/plan.ts';
import type { Progress, Task } from '../model/task.ts';
import { publishTask } from '../pipeline/publish.ts';
import {
  allReports,
  checkCompletion,
  failedReport,
  type ReportingDeps,
  reportOnly,
} from '../pipeline/reporting.ts';
import type { AttemptStore, LeaseStore, TaskStore } from '../ports.ts';

export interface SweepDeps extends ReportingDeps {
  tasks: TaskStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  /** A task that is not published after this long was interrupted; 0 if no other process can be publishing it. */
  publishingMs?: number;
  /** Milliseconds since the epoch. The time before, when the host was off, does not count towards a task's lifetime. */
  upSince?: number;
  now?: () => number;
}

/** Publishing takes seconds. */
const PUBLISHING_MS = 60_000;
/** Completing takes seconds. A task that has all its reports and is not finished after this long is stuck. */
const COMPLETING_MS = 600_000;
/** A combination that has not reported after this long, and is not being made, fails as overdue. */
export const TASK_LIFETIME_MS = 24 * 3_600_000;
/** A combination that is being made at that time has this much longer. */
const LAST_RENDER_MS = 3_600_000;
/** In parallel, so that even a task with thousands of combinations ends within one run. */
const OVERDUE_AT_A_TIME = 20;
const PAGE = 100;

/** Repairs what a process that died left undone. Run it from time to time; concurrent runs are harmless. */
export async function sweep(deps: SweepDeps): Promise<void> {
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
    }
    after = ids.at(-1);
    if (ids.length < PAGE) return;
  }
}

async function sweepTask(taskId: string, deps: SweepDeps): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const progress = await deps.tasks.progress(taskId);
  if (task === undefined || progress === undefined || progress.finishedAt !== null) return;
  const now = (deps.now ?? Date.now)();
  const created = Date.parse(task.createdAt);

  if (!progress.published && now - created >= (deps.publishingMs ?? PUBLISHING_MS)) {
    await publishTask(task, deps);
    logRepair(deps, task, 'published its messages again');
  }
  const late = now - Math.max(created, deps.upSince ?? 0) - TASK_LIFETIME_MS;
  if (late > 0) await endOverdue(task, progress, late, deps);
  await checkCompletion(taskId, deps);
  if (allIn(task, progress)) await completeAgain(task, deps);
}

/** Publishes `complete` again if the task is still not finished after the grace period: the message may be lost. */
async function completeAgain(task: Task, deps: SweepDeps): Promise<void> {
  if (!(await graceIsOver(deps.attempts, completingKey(task.id), COMPLETING_MS))) return;
  await deps.queue.publish([{ topic: 'complete', taskId: task.id }]);
  logRepair(deps, task, 'asked for its completion again');
}

function allIn(task: Task, { succeeded, failed, cancelled }: Progress): boolean {
  return succeeded + failed + cancelled >= task.plan.combinations.length;
}

async function endOverdue(task: Task, progress: Progress, late: number, deps: SweepDeps): Promise<void> {
  if (allIn(task, progress)) return;
  const error: Failure = {
    code: 'overdue',
    stage: 'deliver',
    message: `Expected a report within ${TASK_LIFETIME_MS / 3_600_000} hours of work, got none.`,
  };
  const reported = new Set((await allReports(task, deps.reports)).map(({ index }) => index));
  const limit = pLimit(OVERDUE_AT_A_TIME);
  const end = async (combination: Combination): Promise<boolean> => {
    const [state] = await deps.leases.read([renderKey(task.id, combination.index)]);
    // Its holder reports the outcome, unless it hangs.
    if (state === 'held' && late < LAST_RENDER_MS) return false;
    return reportOnly(task, failedReport(task, combination, error), deps);
  };
  const open = task.plan.combinations.filter(({ index }) => !reported.has(index));
  const ended = (await Promise.all(open.map((combination) => limit(() => end(combination))))).filter(
    Boolean,
  ).length;
  if (ended > 0) logRepair(deps, task, 'failed its overdue combinations');
}

function logRepair({ log }: SweepDeps, task: Task, what: string): void {
  log.warn(`Task "${task.name}": ${what}`, {
    event: 'sweep.repaired',
    task_id: task.id,
    task_name: task.name,
    repair: what,
  });
}
