import type { WebhookView } from '../model/answers/webhook.ts';
import type { Callback } from '../model/task.ts';
import { maskCallback } from '../model/web-url.ts';
import { eventId, type WebhookRecord } from '../model/webhook.ts';

/** @param record undefined before the task has ended */
export function webhookView(
  taskId: string,
  { url }: Callback,
  record: WebhookRecord | undefined,
): WebhookView {
  return {
    url: maskCallback(new URL(url)),
    event_id: eventId(taskId),
    state: record?.state ?? 'waiting',
    attempts: record?.attempts ?? 0,
    last_attempt_at: timeOf(record?.lastAttemptAt),
    next_try_at: timeOf(record?.nextTryAt),
    error: record?.error ?? null,
  };
}

function timeOf(ms: number | null | undefined): string | null {
  return ms == null ? null : new Date(ms).toISOString();
}
