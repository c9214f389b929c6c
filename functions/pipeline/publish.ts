import type { WorkMessage } from '../model/messages.ts';
import type { Task } from '../model/task.ts';
import type { Queue } from '../ports/queue.ts';
import type { TaskStore } from '../ports/tasks.ts';

/**
 * Publishes all messages of a task: one per source, one per combination. Publishing them twice is harmless, publishing
 * only some of them is not, so the task counts as published only after the last one.
 */
export async function publishTask(
  task: Task,
  { queue, tasks }: { queue: Queue; tasks: TaskStore },
): Promise<void> {
  const prepares = task.plan.sources.map(
    (_, source): WorkMessage => ({ topic: 'prepare', taskId: task.id, source }),
  );
  const renders = task.plan.combinations.map(
    ({ index }): WorkMessage => ({ topic: 'render', taskId: task.id, index }),
  );
  await queue.publish([...prepares, ...renders]);
  await tasks.markPublished(task.id);
}
