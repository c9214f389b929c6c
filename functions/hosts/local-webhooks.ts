import { TransientError } from '../base/errors.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Delivery } from '../ports/queue.ts';
import { type WebhookDeps, webhook } from '../stages/webhook.ts';

/**
 * The message itself waits in the queue for the next try: here that costs nothing, and the sweep looks only once a minute.
 * Such a wait is not counted as a failed delivery of the message.
 */
export async function webhookUntilSettled(
  message: MessageOf<'webhook'>,
  delivery: Delivery,
  deps: WebhookDeps,
): Promise<void> {
  const nextTryAt = await webhook(message, delivery, deps);
  if (nextTryAt === undefined) return;
  throw new TransientError('waiting', 'Its event is sent again later.', {
    retryAfterMs: nextTryAt - Date.now(),
  });
}
