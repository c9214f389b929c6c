import { justWoke } from '../base/awake.ts';
import { TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { add } from '../base/telemetry/metrics.ts';
import { inTime } from '../base/time-limit.ts';
import { webhookKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import type { ReceiverPlaces } from '../coordination/receiver-places.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Callback, Task } from '../model/task.ts';
import { maskCallback } from '../model/web-url.ts';
import {
  afterDelivery,
  afterRest,
  eventId,
  isDue,
  type WebhookAnswer,
  type WebhookRecord,
} from '../model/webhook.ts';
import { allReports } from '../pipeline/reporting.ts';
import { webhookEvent } from '../pipeline/webhook-event.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Delivery } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { WebhookSender, WebhookStore } from '../ports/webhooks.ts';

export interface WebhookDeps {
  tasks: TaskStore;
  reports: ReportStore;
  leases: LeaseStore;
  webhooks: WebhookStore;
  sender: WebhookSender;
  receivers: ReceiverPlaces;
  log: Log;
  now?: () => number;
  /** As justWoke of base/awake.ts. */
  isJustAwake?: () => boolean;
}

/** How long the event of a task that cannot be read waits: the key that fits its seal may come back. */
const UNREADABLE_MS = 3_600_000;
/** For reading the reports, before the first delivery. */
const EVENT_MS = 20_000;

/**
 * Sends the event of a task that has ended to its callback_url, once, if it is due, and stores what came of it. A failed
 * delivery is no error: an open or a refused message would hold up others, so the message is done, and another one is
 * published when the next try is due. While the receiver rests after failures, the event is put off.
 * @returns when that is, in milliseconds since the epoch; undefined: no more
 */
export async function webhook(
  message: MessageOf<'webhook'>,
  delivery: Delivery,
  deps: WebhookDeps,
): Promise<number | undefined> {
  const { taskId } = message;
  const { tasks, webhooks, receivers, now = Date.now } = deps;
  const progress = await tasks.progress(taskId);
  if (progress === undefined) {
    await webhooks.forget(taskId);
    return undefined;
  }
  // Whoever ends it publishes the message again.
  const { finishedAt } = progress;
  if (finishedAt === null) return undefined;
  const record = await webhooks.read(taskId);
  if (record === undefined || !isDue(record, now())) return record?.nextTryAt ?? undefined;
  const task = await tasks.get(taskId);
  if (task === undefined) {
    await webhooks.record(taskId, record, { ...record, nextTryAt: now() + UNREADABLE_MS });
    return undefined;
  }
  if (task.callback == null) return undefined;
  const sending = { task, callback: task.callback, finishedAt };
  const url = new URL(task.callback.url);
  // A caller who asks may know that it is back.
  const restMs = record.atOnce ? 0 : receivers.restMs(url.host);
  if (restMs > 0) return putOff(sending, record, restMs, deps);

  const done = await sendOnce(sending, delivery, deps, url.host);
  // Whoever asked meanwhile has published a message, too, which found this one at work.
  return done?.isAskedAgain ? webhook(message, delivery, deps) : done?.next;
}

async function putOff(
  sending: Sending,
  record: WebhookRecord,
  restMs: number,
  { webhooks, receivers, log, now = Date.now }: WebhookDeps,
): Promise<number | undefined> {
  const { task, callback } = sending;
  const url = new URL(callback.url);
  const error = `Expected ${maskCallback(url)} to take events, got failures of others a moment ago. Next step: check its server.`;
  // While one is trying whether it is back, the others come again soon: perhaps it is this very event.
  const after = receivers.isResting(url.host)
    ? afterRest(record, { now: now(), restMs, random: Math.random(), error })
    : { ...record, nextTryAt: now() + restMs };
  const kept = await webhooks.record(task.id, record, after);
  if (kept?.state === 'failed') logDelivery(log, sending, record, after, { delivered: false, error });
  return kept?.nextTryAt ?? undefined;
}

interface Sending {
  task: Task;
  callback: Callback;
  finishedAt: number;
}

interface Sent {
  next: number | undefined;
  isAskedAgain?: boolean;
}

async function sendOnce(
  sending: Sending,
  { signal, messageId }: Delivery,
  deps: WebhookDeps,
  host: string,
): Promise<Sent | undefined> {
  const { webhooks, leases, now = Date.now, isJustAwake = justWoke } = deps;
  const { id } = sending.task;
  using place = deps.receivers.take(host);
  return await byOneMessage<Sent>({
    leases,
    key: webhookKey(id),
    messageId,
    signal,
    async find() {
      const record = await webhooks.read(id);
      return record !== undefined && isDue(record, now())
        ? undefined
        : { next: record?.nextTryAt ?? undefined };
    },
    async create(_before, held) {
      const before = await webhooks.read(id);
      if (before === undefined) return { next: undefined };
      const began = now();
      const answer = await delivered(sending, held, deps);
      const fault = answer.delivered ? undefined : answer.fault;
      const outcome = answer.delivered ? 'delivered' : (fault ?? 'refused');
      add('every_cut.webhook.deliveries', 1, { 'every_cut.webhook.outcome': outcome });
      const isCounted = fault !== 'service' && !(fault === 'network' && isJustAwake());
      const isAnswer = answer.delivered || answer.isAnswer === true;
      // What never reached the receiver says nothing about it.
      if (isCounted && (isAnswer || fault !== undefined)) place.ended(fault === undefined);
      const after = afterDelivery(before, answer, { began, now: now(), random: Math.random(), isCounted });
      const kept = await webhooks.record(id, before, after);
      logDelivery(deps.log, sending, before, after, answer);
      return {
        next: kept?.nextTryAt ?? undefined,
        isAskedAgain: kept !== undefined && kept.askedAt !== before.askedAt && isDue(kept, now()),
      };
    },
  });
}

/** Whatever goes wrong is a failed delivery, so that it ends after a day; what the store cannot do now is tried again at once. */
async function delivered(
  { task, callback, finishedAt }: Sending,
  signal: AbortSignal,
  { reports, webhooks, sender, log }: WebhookDeps,
): Promise<WebhookAnswer> {
  const makeText = async () => {
    const manifest = { task, reports: await allReports(task, reports), finishedAt };
    return JSON.stringify(webhookEvent(manifest, callback));
  };
  try {
    const body = await inTime(webhooks.event(task.id, makeText), EVENT_MS, late, signal);
    return await sender.send({ url: callback.url, id: eventId(task.id), body }, signal);
  } catch (error) {
    if (signal.aborted || TransientError.is(error)) throw error;
    const why = 'Expected to send the event, got an unexpected error of the service. The log has the cause.';
    log.error(why, { event: 'webhook.failed', ...about(task), error });
    return { delivered: false, error: why };
  }
}

function late(): TransientError {
  return new TransientError(
    'out_of_time',
    `Expected the reports of the task within ${EVENT_MS / 1000} s, got a timeout.`,
  );
}

function logDelivery(
  log: Log,
  { task, callback }: Sending,
  before: WebhookRecord,
  { state, attempts, tries, nextTryAt, error }: WebhookRecord,
  answer: WebhookAnswer,
): void {
  const reason = (answer.delivered ? undefined : answer.forLog) ?? error;
  const fields = {
    ...about(task),
    receiver: maskCallback(new URL(callback.url)),
    attempts,
    ...(reason && { reason }),
  };
  const event = `The event of task "${task.name}"`;
  if (state === 'delivered') {
    log.info(`${event} was delivered, by attempt ${attempts}`, { event: 'webhook.delivered', ...fields });
  } else if (state === 'failed') {
    log.error(`${event} is given up after attempt ${attempts}: ${reason}`, {
      event: 'webhook.given_up',
      ...fields,
    });
  } else {
    const next = new Date(nextTryAt ?? 0).toISOString();
    const isOurs = !answer.delivered && answer.fault === 'service';
    // One line for each event: a receiver may be away for a day.
    const isNews = isOurs ? before.error !== error : attempts > before.attempts && tries === 1;
    log[isNews ? (isOurs ? 'error' : 'warn') : 'debug'](`${event} is sent again at ${next}: ${reason}`, {
      event: 'webhook.failed',
      ...fields,
      next_try_at: next,
    });
  }
}

function about({ id, name }: Task) {
  return { task_id: id, task_name: name };
}
