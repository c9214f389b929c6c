import { counted } from '../base/counted.ts';
import type { Log } from '../base/log.ts';
import { inTraceOf } from '../base/trace.ts';
import { endCancelled } from '../pipeline/end-cancelled.ts';
import type { Queue } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { TaskStore } from '../ports/tasks.ts';
import { POLL_LATER } from './poll-later.ts';
import { knownTask, statusView, type TasksDeps } from './task-status.ts';

export interface CancelDeps extends TasksDeps {
  tasks: TaskStore;
  reports: ReportStore;
  queue: Queue;
  log: Log;
}

/**
 * POST /tasks/{task_id}/cancel: starts no more work for the task and stops what is running. Each unfinished render
 * reports as cancelled, at once if nobody is working on it, so the task completes like any other. Answers with the task's
 * status. Finished renders stay as they are, so repeating the call is harmless.
 */
export async function cancelTask(taskId: string, base: string, deps: CancelDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (progress.finishedAt !== null) return answer(taskId, base, deps);
  await deps.tasks.cancel(taskId);
  // Nothing is lost if this process dies now, or if publishing fails: the sweep does it, only later.
  const done = await inTraceOf(task, () => endCancelled(task, deps));
  if (done === undefined) return answer(taskId, base, deps);
  deps.log.info(`Cancelling "${task.name}": ${counted(done.left, 'combination')} still to end`, {
    event: 'task.cancelling',
    task_id: task.id,
    task_name: task.name,
    open: done.left,
  });
  return answer(taskId, base, deps);
}

async function answer(taskId: string, base: string, deps: CancelDeps): Promise<Response> {
  const view = await statusView(taskId, base, deps);
  if (view.completed_at !== null) return Response.json(view);
  return Response.json(view, { status: 202, headers: { location: view.links.self, ...POLL_LATER } });
}
