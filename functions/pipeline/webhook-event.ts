import { CODES } from '../base/codes.ts';
import type { WebhookEvent } from '../model/answers/webhook.ts';
import { taskLinks } from '../model/links.ts';
import { type Callback, endedStatus } from '../model/task.ts';
import { countsOf, type Manifest } from './manifest.ts';

/** The event stays small, however many combinations failed: the manifest has all of them. */
const MOST_FAILURES = 100;

/** What callback_url gets. The same for every delivery: all of it is settled when the task has ended. */
export function webhookEvent(manifest: Manifest, { baseUrl }: Callback): WebhookEvent {
  const { task, reports, finishedAt } = manifest;
  const counts = countsOf(manifest);
  const status = endedStatus(counts);
  const completedAt = new Date(finishedAt).toISOString();
  const failures = reports.flatMap(({ index, error }) =>
    error === null ? [] : [{ index, ...error, hint: CODES[error.code].hint }],
  );
  return {
    type: `task.${status}`,
    timestamp: completedAt,
    data: {
      task_id: task.id,
      task_name: task.name,
      status,
      combinations: task.plan.combinations.length,
      succeeded: counts.succeeded,
      failed: counts.failed,
      cancelled: counts.cancelled,
      seconds: Math.max(0, (finishedAt - Date.parse(task.createdAt)) / 1000),
      failures: failures.slice(0, MOST_FAILURES),
      output_folder: task.folder.location,
      retry_of: task.retryOf,
      created_at: task.createdAt,
      completed_at: completedAt,
      metadata: task.metadata,
      links: taskLinks(baseUrl, task.id),
    },
  };
}
