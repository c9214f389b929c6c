import { CODES } from '../base/codes.ts';
import type { WebhookEvent } from '../model/answers/webhook.ts';
import { taskLinks } from '../model/links.ts';
import { type Callback, endedStatus } from '../model/task.ts';
import { countsOf, type Manifest } from './manifest.ts';

/** The event stays small, however many combinations failed and whatever with: the manifest has all of it. */
const MOST_FAILURES = 100;
const MOST_CHARACTERS = 2_000;
const MOST_BYTES = 262_144;

type EventFailure = WebhookEvent['data']['failures'][number];

/** What callback_url gets. It is made once for each task, and kept as text. */
export function webhookEvent(manifest: Omit<Manifest, 'join' | 'cost'>, { baseUrl }: Callback): WebhookEvent {
  const { task, reports, finishedAt } = manifest;
  const counts = countsOf(manifest);
  const status = endedStatus(counts);
  const completedAt = new Date(finishedAt).toISOString();
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
      failures: failuresOf(reports),
      output_folder: task.folder.location,
      retry_of: task.retryOf,
      created_at: task.createdAt,
      completed_at: completedAt,
      metadata: task.metadata,
      links: taskLinks(baseUrl, task.id),
    },
  };
}

function failuresOf(reports: Manifest['reports']): EventFailure[] {
  const failures: EventFailure[] = [];
  let bytes = 0;
  for (const { index, error } of reports) {
    if (error === null) continue;
    const message = error.message.slice(0, MOST_CHARACTERS).toWellFormed();
    const failure = { index, ...error, message, hint: CODES[error.code].hint };
    bytes += Buffer.byteLength(JSON.stringify(failure));
    if (failures.length === MOST_FAILURES || bytes > MOST_BYTES) break;
    failures.push(failure);
  }
  return failures;
}
