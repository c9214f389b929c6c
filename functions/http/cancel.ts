import type { Log } from '../base/log.ts';
import { cancellingKey } from '../coordination/lease-keys.ts';
import { allReports } from '../pipeline/reporting.ts';
import type { Queue, ReportStore, TaskStore } from '../ports.ts';
import { getTask, knownTask, type TasksDeps } from './task-status.ts';

export interface CancelDeps extends TasksDeps {
  tasks: TaskStore;
  reports: ReportStore;
  queue: Queue;
  log: Log;
}

/** They end the task within seconds. */
const PUBLISH_AGAIN_AFTER_MS = 60_000;

/**
 * POST /tasks/{task_id}/cancel: starts no more work for the task and stops what is running. Each unfinished render
 * reports as cancelled, so the task completes like any other. Answers with the task's status. Finished renders stay as
 * they are, so repeating the call is harmless.
 */
export async function cancelTask(taskId: string, deps: CancelDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (progress.finishedAt !== null) return getTask(taskId, deps);
  await deps.tasks.cancel(taskId);
  // Nothing is lost if this process dies now, or if publishing fails: the task's own messages end it, only later.
  if ((await deps.attempts.rest(cancellingKey(taskId), PUBLISH_AGAIN_AFTER_MS)) === undefined)
    return getTask(taskId, deps, 202);
  const reported = new Set((await allReports(task, deps.reports)).map(({ index }) => index));
  const open = task.plan.combinations.filter(({ index }) => !reported.has(index));
  // Their messages may be in a long back-off. A second message for each ends the task now.
  await deps.queue.publish(open.map(({ index }) => ({ topic: 'render', taskId, index })));
  deps.log.info(`Cancelling "${task.name}": ${open.length} combinations unfinished`, {
    event: 'task.cancelling',
    task_id: task.id,
    task_name: task.name,
    open: open.length,
  });
  return getTask(taskId, deps, 202);
}
