import type { Log } from '../base/log.ts';
import type { TaskStore } from '../ports.ts';
import { checkEnded, knownTask } from './task-status.ts';

export interface DeleteTaskDeps {
  tasks: TaskStore;
  log: Log;
}

/** DELETE /tasks/{task_id}: forgets an ended task. Its videos stay. */
export async function deleteTask(taskId: string, { tasks, log }: DeleteTaskDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, { tasks });
  checkEnded(progress);
  await tasks.remove(taskId);
  log.info(`Deleted the records of "${task.name}"; its videos stay`, {
    event: 'task.deleted',
    task_id: task.id,
    task_name: task.name,
  });
  return new Response(null, { status: 204 });
}
