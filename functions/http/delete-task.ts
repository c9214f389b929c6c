import type { Log } from '../base/log.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { WebhookStore } from '../ports/webhooks.ts';
import { checkEnded, knownTask } from './task-status.ts';

export interface DeleteTaskDeps {
  tasks: TaskStore;
  webhooks: Pick<WebhookStore, 'read'>;
  log: Log;
}

/** DELETE /tasks/{task_id}: forgets an ended task, and its event. Its videos stay. */
export async function deleteTask(
  taskId: string,
  { tasks, webhooks, log }: DeleteTaskDeps,
): Promise<Response> {
  const { task, progress } = await knownTask(taskId, { tasks });
  checkEnded(progress);
  const event = task.callback == null ? undefined : await webhooks.read(taskId);
  await tasks.remove(taskId);
  const about = { task_id: task.id, task_name: task.name };
  log.info(`Deleted the records of "${task.name}"; its videos stay`, { event: 'task.deleted', ...about });
  if (event?.state === 'pending') {
    const { attempts } = event;
    log.notice(`The event of "${task.name}" is dropped, as the task was deleted before it was delivered`, {
      event: 'webhook.dropped',
      ...about,
      attempts,
    });
  }
  return new Response(null, { status: 204 });
}
