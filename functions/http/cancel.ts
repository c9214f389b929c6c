import { counted } from '../base/counted.ts';
import type { Log } from '../base/log.ts';
import { cancellingKey } from '../coordination/lease-keys.ts';
import { cancelIdle } from '../pipeline/cancel-idle.ts';
import { checkCompletion } from '../pipeline/reporting.ts';
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
 * reports as cancelled, at once if nobody is working on it, so the task completes like any other. Answers with the task's
 * status. Finished renders stay as they are, so repeating the call is harmless.
 */
export async function cancelTask(taskId: string, deps: CancelDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (progress.finishedAt !== null) return getTask(taskId, deps);
  await deps.tasks.cancel(taskId);
  // Nothing is lost if this process dies now, or if publishing fails: the task's own messages and the sweep end it, only
  // later.
  if ((await deps.attempts.rest(cancellingKey(taskId), PUBLISH_AGAIN_AFTER_MS)) === undefined)
    return getTask(taskId, deps, 202);
  const left = await cancelIdle(task, deps);
  // Their messages may be in a long back-off. A second message for each ends the task now.
  await deps.queue.publish(left.map(({ index }) => ({ topic: 'render', taskId, index })));
  await checkCompletion(taskId, deps);
  deps.log.info(`Cancelling "${task.name}": ${counted(left.length, 'combination')} still to end`, {
    event: 'task.cancelling',
    task_id: task.id,
    task_name: task.name,
    open: left.length,
  });
  return getTask(taskId, deps, 202);
}
