import { RequestError } from '../base/errors.ts';
import { inTraceOf } from '../base/trace.ts';
import type { AskWebhookDeps } from '../pipeline/ask-webhook.ts';
import { POLL_LATER } from './poll-later.ts';
import { checkEnded, knownTask, statusView, type TasksDeps } from './task-status.ts';

export type SendWebhookDeps = TasksDeps & AskWebhookDeps;

/**
 * POST /tasks/{task_id}/webhook: sends the event again, with the same id, whatever became of it before. Answers with the
 * task's status. Receivers know the id, so repeating the call is harmless.
 */
export async function sendWebhook(taskId: string, base: string, deps: SendWebhookDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (task.callback == null) {
    throw new RequestError('no_webhook', 'Expected a task with a callback_url, got one without.');
  }
  checkEnded(progress);
  await deps.webhooks.ask(task.id, Date.now());
  // If this process dies now, the sweep publishes it.
  await inTraceOf(task, () => deps.queue.publish([{ topic: 'webhook', taskId: task.id }]));
  const view = await statusView(taskId, base, deps);
  return Response.json(view, { status: 202, headers: { location: view.links.self, ...POLL_LATER } });
}
