import type { Task } from '../model/task.ts';
import type { Queue } from '../ports/queue.ts';
import type { WebhookStore } from '../ports/webhooks.ts';

export interface AskWebhookDeps {
  webhooks: WebhookStore;
  queue: Queue;
}

/** Before the task ends, so that the sweep knows of its event whatever dies afterwards. */
export async function noteWebhook(task: Task, { webhooks }: Pick<AskWebhookDeps, 'webhooks'>): Promise<void> {
  if (task.callback == null || (await webhooks.read(task.id)) !== undefined) return;
  await webhooks.ask(task.id, Date.now());
}

/** After the task has ended, by whoever finds it so: a receiver that asks for its status must see the end. */
export async function publishWebhook(task: Task, { webhooks, queue }: AskWebhookDeps): Promise<void> {
  if (task.callback == null) return;
  const record = await webhooks.read(task.id);
  if (record?.attempts === 0) await queue.publish([{ topic: 'webhook', taskId: task.id }]);
}
