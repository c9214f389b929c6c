import type { Log } from '../base/log.ts';
import { allReports } from '../pipeline/reporting.ts';
import type { Queue, ReportStore, TaskStore } from '../ports.ts';
import { getTask, knownTask, type TasksDeps } from './task-status.ts';

export interface CancelDeps extends TasksDeps {
  tasks: TaskStore;
  reports: ReportStore;
  queue: Queue;
  log: Log;
}

/**
 * POST /tasks/{task_id}/cancel: from now on nothing of the task is begun, and what is under way stops. Each render
 * still reports, as cancelled, so the task ends as every other does. Answers with the status; what has ended stays as
 * it is, so repeating it is harmless.
 */
export async function cancelTask(taskId: string, deps: CancelDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (progress.finishedAt !== null) return getTask(taskId, deps);
  await deps.tasks.cancel(taskId);
  const reported = new Set((await allReports(task, deps.reports)).map(({ index }) => index));
  const open = task.plan.combinations.filter(({ index }) => !reported.has(index));
  // Their messages may be waiting out a long pause; another one of each ends the task now.
  await deps.queue.publish(open.map(({ index }) => ({ topic: 'render', taskId, index })));
  deps.log.info(`Cancelling "${task.name}": ${open.length} combinations have not ended`, {
    event: 'task.cancelling',
    task_id: task.id,
    task_name: task.name,
    open: open.length,
  });
  return getTask(taskId, deps, 202);
}
