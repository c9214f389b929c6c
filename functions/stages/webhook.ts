import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { webhookKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import type { ReceiverPlaces } from '../coordination/receiver-places.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Callback, Task } from '../model/task.ts';
import { maskCallback } from '../model/web-url.ts';
import { afterDelivery, eventId, isDue, type WebhookAnswer, type WebhookRecord } from '../model/webhook.ts';
import { allReports } from '../pipeline/reporting.ts';
import { webhookEvent } from '../pipeline/webhook-event.ts';
import type { Delivery, LeaseStore, ReportStore, TaskStore, WebhookSender, WebhookStore } from '../ports.ts';

export interface WebhookDeps {
  tasks: TaskStore;
  reports: ReportStore;
  leases: LeaseStore;
  webhooks: WebhookStore;
  sender: WebhookSender;
  receivers: ReceiverPlaces;
  log: Log;
  now?: () => number;
}

/** How long the event of a task that cannot be read waits: the key that fits its seal may come back. */
const UNREADABLE_MS = 3_600_000;

/**
 * Sends the event of a task that has ended to its callback_url, once, if it is due, and stores what came of it. A failed
 * delivery is no error: an open or a refused message would hold up others, so the message is done, and another one is
 * published when the next try is due.
 * @returns when that is, in milliseconds since the epoch; undefined: no more
 */
export async function webhook(
  { taskId }: MessageOf<'webhook'>,
  { signal, messageId }: Delivery,
  deps: WebhookDeps,
): Promise<number | undefined> {
  const { webhooks, leases, now = Date.now } = deps;
  const progress = await deps.tasks.progress(taskId);
  if (progress === undefined) {
    await webhooks.forget(taskId);
    return undefined;
  }
  // Whoever ends it publishes the message again.
  const { finishedAt } = progress;
  if (finishedAt === null) return undefined;
  const task = await deps.tasks.get(taskId);
  const settled = async () => {
    const record = await webhooks.read(taskId);
    return record !== undefined && isDue(record, now())
      ? undefined
      : { next: record?.nextTryAt ?? undefined };
  };
  const early = await settled();
  if (early !== undefined) return early.next;
  if (task === undefined) return putOff(taskId, deps);
  const { callback } = task;
  if (callback == null) return undefined;

  using _place = deps.receivers.take(new URL(callback.url).host);
  const done = await byOneMessage<{ next: number | undefined }>({
    leases,
    key: webhookKey(taskId),
    messageId,
    signal,
    find: settled,
    async create(_before, held) {
      const before = await webhooks.read(taskId);
      if (before === undefined) return { next: undefined };
      const began = now();
      const answer = await delivered(task, callback, finishedAt, held, deps);
      const record = afterDelivery(before, answer, { began, now: now(), random: Math.random() });
      await webhooks.record(taskId, record);
      logDelivery(deps.log, task, callback, record);
      return { next: record.nextTryAt ?? undefined };
    },
  });
  return done?.next;
}

async function putOff(taskId: string, { webhooks, now = Date.now }: WebhookDeps): Promise<undefined> {
  const record = await webhooks.read(taskId);
  if (record !== undefined) await webhooks.record(taskId, { ...record, nextTryAt: now() + UNREADABLE_MS });
}

/** Whatever goes wrong is a failed delivery, so that it ends after a day; what the store cannot do now is tried again at once. */
async function delivered(
  task: Task,
  callback: Callback,
  finishedAt: number,
  signal: AbortSignal,
  { reports, sender, log }: WebhookDeps,
): Promise<WebhookAnswer> {
  try {
    const event = webhookEvent({ task, reports: await allReports(task, reports), finishedAt }, callback);
    return await sender.send(
      { url: callback.url, id: eventId(task.id), body: JSON.stringify(event) },
      signal,
    );
  } catch (error) {
    if (signal.aborted || TransientError.is(error)) throw error;
    const why = 'Expected to send the event, got an unexpected error of the service. The log has the cause.';
    log.error(why, { event: 'webhook.failed', ...about(task), error });
    return { delivered: false, error: why };
  }
}

function logDelivery(log: Log, task: Task, { url }: Callback, record: WebhookRecord): void {
  const { state, attempts, tries, nextTryAt, error } = record;
  const fields = {
    ...about(task),
    receiver: maskCallback(new URL(url)),
    attempts,
    ...(error && { reason: error }),
  };
  const event = `The event of task "${task.name}"`;
  if (state === 'delivered') {
    log.info(`${event} was delivered, by attempt ${attempts}`, { event: 'webhook.delivered', ...fields });
  } else if (state === 'failed') {
    log.error(`${event} is given up after attempt ${attempts}: ${error}`, {
      event: 'webhook.given_up',
      ...fields,
    });
  } else {
    const next = new Date(nextTryAt ?? 0).toISOString();
    // One warning for each event: a receiver may be away for a day.
    log[tries === 1 ? 'warn' : 'debug'](`${event} is sent again at ${next}: ${error}`, {
      event: 'webhook.failed',
      ...fields,
      next_try_at: next,
    });
  }
}

function about({ id, name }: Task) {
  return { task_id: id, task_name: name };
}
