import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { createReceiverPlaces } from '../../functions/coordination/receiver-places.ts';
import { webhookUntilSettled } from '../../functions/hosts/local-webhooks.ts';
import type { Combination } from '../../functions/model/plan.ts';
import type { Task } from '../../functions/model/task.ts';
import { eventId, GIVE_UP_AFTER_MS } from '../../functions/model/webhook.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import type { WebhookSender } from '../../functions/ports/webhooks.ts';
import { complete } from '../../functions/stages/complete.ts';
import { sweep } from '../../functions/stages/sweep.ts';
import { type WebhookDeps, webhook } from '../../functions/stages/webhook.ts';
import { until } from '../contracts/harness.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { deadUrl, startReceiver, WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const BASE = 'https://ads.example';

describe('the event of a task', () => {
  const s = useStages({ WEBHOOK_SECRET });

  /** A task whose combinations have all reported, the second one as failed. */
  async function reported(url: string, name = 'task'): Promise<Task> {
    const task = await s.createTask({ name, callback: { url, baseUrl: BASE } });
    const error = { code: 'no_video', stage: 'probe', message: 'Expected video.' } as const;
    for (const combination of task.plan.combinations) {
      const failed = failedReport(task, combination as Combination, error);
      const isFailed = combination.index === 2;
      await s.deps.reports.report(
        task.id,
        isFailed ? failed : { ...failed, status: 'succeeded', error: null },
      );
    }
    return task;
  }
  const completeIt = (task: Task, change: Partial<typeof s.deps> = {}) =>
    complete({ topic: 'complete', taskId: task.id }, delivery(), { ...s.deps, ...change });
  async function ended(url: string, name = 'task'): Promise<Task> {
    const task = await reported(url, name);
    await completeIt(task);
    return task;
  }
  const deliver = (task: Task, change: Partial<WebhookDeps> = {}) =>
    webhook({ topic: 'webhook', taskId: task.id }, delivery(), { ...s.deps, ...change });
  const recordOf = (task: Task) => s.deps.webhooks.read(task.id);

  test('a receiver that answers 500 twice, then 200, gets three deliveries of one id, each verified', async () => {
    await using receiver = await startReceiver([500, 500, 200]);
    const task = await ended(receiver.url);
    let now = Date.now();
    const clock = { now: () => now, receivers: createReceiverPlaces({ now: () => now }) };
    const pauses: number[] = [];
    for (;;) {
      const next = await deliver(task, clock);
      if (next === undefined) break;
      assert.equal(await deliver(task, clock), next, 'another message does not send it early');
      pauses.push(next - now);
      now = next;
    }
    assert.deepEqual(receiver.ids(), Array(3).fill(eventId(task.id)));
    assert.equal(new Set(receiver.received.map(({ body }) => body)).size, 1);
    for (const one of receiver.received) assert.equal(receiver.verified(one).type, 'task.partial');
    assert.ok((pauses[0] as number) <= 6_000 && (pauses[1] as number) <= 36_000, `${pauses}`);
    assert.equal((await recordOf(task))?.state, 'delivered');
    assert.deepEqual([s.logged('webhook.failed').length, s.logged('webhook.delivered').length], [2, 1]);
    assert.deepEqual(
      s.logged('webhook.failed').map(({ severity }) => severity),
      ['WARNING', 'DEBUG'],
    );
    assert.doesNotMatch(JSON.stringify(s.logged('webhook.failed')), /a-secret|\/hook/);
  });

  test('says how the task ended, what failed, and where to look', async () => {
    await using receiver = await startReceiver();
    const task = await ended(receiver.url);
    await deliver(task);
    const finishedAt = (await s.deps.tasks.progress(task.id))?.finishedAt as number;
    const [event] = receiver.received.map(receiver.verified);
    const completed_at = new Date(finishedAt).toISOString();
    assert.ok(event);
    const { seconds, failures, links, ...data } = event.data;
    assert.deepEqual([event.type, event.timestamp], ['task.partial', completed_at]);
    assert.deepEqual(data, {
      task_id: task.id,
      task_name: 'task',
      status: 'partial',
      combinations: 2,
      succeeded: 1,
      failed: 1,
      cancelled: 0,
      output_folder: task.folder.location,
      retry_of: null,
      created_at: task.createdAt,
      completed_at,
      metadata: null,
    });
    assert.ok(seconds >= 0 && seconds < 60);
    const [failure, ...more] = failures;
    assert.deepEqual([failure?.index, failure?.code, failure?.stage, more], [2, 'no_video', 'probe', []]);
    assert.match(failure?.hint ?? '', /Send a video/);
    assert.equal(links.self, `${BASE}/tasks/${task.id}`);
  });

  test('is not sent before the task has ended, and never for a task without a callback_url', async () => {
    let early = 0;
    await using receiver = await startReceiver([200], async () => {
      const progress = await s.deps.tasks.progress(task.id);
      if (progress?.finishedAt == null) early += 1;
    });
    const task = await reported(receiver.url);
    await s.deps.webhooks.ask(task.id, 1);
    assert.equal(await deliver(task), undefined);
    assert.equal(receiver.received.length, 0);
    await completeIt(task);
    await deliver(task);
    assert.deepEqual([receiver.received.length, early], [1, 0]);
    const plain = await s.createTask({ name: 'plain' });
    await s.deps.tasks.finish(plain.id);
    await deliver(plain);
    assert.equal(await recordOf(plain), undefined);
  });

  test('is not lost, and has one id, wherever the process dies that completes the task', async () => {
    await using receiver = await startReceiver();
    const died = new Error('it died here');
    const dies = () => Promise.reject(died);
    const { webhooks, tasks, queue } = s.deps;
    for (const [name, change] of [
      ['before the note', { webhooks: { ...webhooks, ask: dies } }],
      ['before the end', { tasks: { ...tasks, finish: dies } }],
      ['before the message', { queue: { ...queue, publish: dies } }],
    ] as const) {
      const waiting = () => s.waiting()['webhook'] as number;
      for (const repairedBy of ['the next delivery', 'the sweep'] as const) {
        const task = await reported(receiver.url, `${name}, ${repairedBy}`);
        await assert.rejects(completeIt(task, change), died);
        const before = waiting();
        if (repairedBy === 'the next delivery' || name !== 'before the message') await completeIt(task);
        else await sweep(s.deps);
        assert.ok(waiting() > before, name);
        await deliver(task);
        assert.equal(receiver.ids().filter((id) => id === eventId(task.id)).length, 1);
      }
    }
  });

  test('is sent again with the same id if the process dies while it sends it', async () => {
    await using receiver = await startReceiver();
    const task = await ended(receiver.url);
    const { webhooks } = s.deps;
    const record = () => Promise.reject(new TransientError('platform_unavailable', 'it died here'));
    await assert.rejects(deliver(task, { webhooks: { ...webhooks, record } }), /it died here/);
    await deliver(task);
    await deliver(task);
    assert.deepEqual(receiver.ids(), [eventId(task.id), eventId(task.id)]);
  });

  test('of two messages at a time, one sends it', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    await using receiver = await startReceiver([200], () => {
      arrived.resolve();
      return go.promise;
    });
    const task = await ended(receiver.url);
    const first = deliver(task);
    await arrived.promise;
    await Promise.all([deliver(task), deliver(task)]);
    go.resolve();
    await first;
    assert.equal(receiver.received.length, 1);
  });

  test('ends with 410, and after a day of failures, and the log says so', async () => {
    await using receiver = await startReceiver([410, 500]);
    const [gone, failing] = [await ended(receiver.url, 'gone'), await ended(receiver.url, 'failing')];
    assert.equal(await deliver(gone), undefined);
    const state = async (task: Task) => (await recordOf(task))?.state;
    assert.equal(await state(gone), 'failed');
    let now = Date.now();
    const clock = { now: () => now, receivers: createReceiverPlaces({ now: () => now }) };
    const began = now;
    for (let next: number | undefined = now; next !== undefined; ) {
      now = next;
      next = await deliver(failing, clock);
    }
    assert.deepEqual([now - began, await state(failing)], [GIVE_UP_AFTER_MS, 'failed']);
    const lines = s.logged('webhook.given_up').map(({ severity, task_name }) => [severity, task_name]);
    assert.deepEqual(lines, [
      ['ERROR', 'gone'],
      ['ERROR', 'failing'],
    ]);
  });

  test('waits in the queue of one machine until it is due again, without being counted as a failed message', async () => {
    await using receiver = await startReceiver([500]);
    const task = await ended(receiver.url);
    const message = { topic: 'webhook', taskId: task.id } as const;
    const error = await webhookUntilSettled(message, delivery(), s.deps).catch((reason: unknown) => reason);
    assert.ok(TransientError.is(error) && error.code === 'waiting');
    assert.ok((error.retryAfterMs as number) > 3_000 && (error.retryAfterMs as number) <= 6_000);
  });

  test('is published by the sweep once it is due, unless its message is there', async () => {
    await using receiver = await startReceiver([500]);
    const task = await ended(receiver.url);
    assert.equal(s.waiting()['webhook'], 1);
    await sweep(s.deps);
    assert.equal(s.waiting()['webhook'], 1);
    const next = (await deliver(task)) as number;
    const other = await ended(receiver.url, 'other');
    const published: string[] = [];
    const queue = {
      publish: async (messages: readonly { taskId: string }[]) =>
        void published.push(...messages.map(({ taskId }) => taskId)),
    };
    await sweep({ ...s.deps, queue });
    assert.deepEqual(published, [other.id]);
    await sweep({ ...s.deps, queue, now: () => next });
    assert.deepEqual(published.slice(1).sort(), [other.id, task.id].sort());
  });

  test('whose message is lost is published by the sweep, however many are due and out', async () => {
    const ids = Array.from({ length: 1_201 }, (_, at) => `task-${at}`);
    const due = async (_at: number, limit: number, skip = 0) => ids.slice(skip, skip + limit);
    const published: string[] = [];
    const queue = {
      publish: async (messages: readonly { taskId: string }[]) =>
        void published.push(...messages.map(({ taskId }) => taskId)),
      has: async ({ taskId }: { taskId: string }) => taskId !== 'task-1200',
    };
    await sweep({ ...s.deps, webhooks: { due }, queue });
    assert.deepEqual(published, ['task-1200']);
    const { has: _, ...blind } = queue;
    await sweep({ ...s.deps, webhooks: { due }, queue: blind });
    assert.equal(published.length, 501, 'as many as one sweep publishes');
  });

  test('that a caller asks for during a delivery is sent again, whatever became of that one', async () => {
    for (const [reaction, name] of [
      [200, 'delivered'],
      [410, 'gone'],
    ] as const) {
      let asks = 1;
      await using receiver = await startReceiver([reaction, 200], async () => {
        if (asks-- > 0) await s.deps.webhooks.ask(task.id, Date.now());
      });
      const task = await ended(receiver.url, name);
      assert.equal(await deliver(task), undefined);
      assert.deepEqual(receiver.ids(), [eventId(task.id), eventId(task.id)], name);
      const record = await recordOf(task);
      assert.deepEqual([record?.state, record?.attempts], ['delivered', 2]);
    }
  });

  test('waits while its receiver rests after a failure, unless a caller asks for it', async () => {
    await using receiver = await startReceiver([500, 200]);
    const [first, second, third] = [
      await ended(receiver.url, '1'),
      await ended(receiver.url, '2'),
      await ended(receiver.url, '3'),
    ];
    const now = Date.now() + 1_000;
    const clock = { now: () => now, receivers: createReceiverPlaces({ now: () => now }) };
    await deliver(first, clock);
    const next = (await deliver(second, clock)) ?? 0;
    assert.ok(next >= now + 4_000 && next <= now + 6_000, 'the first pause');
    const record = await recordOf(second);
    assert.deepEqual([record?.attempts, record?.nextTryAt, record?.state], [0, next, 'pending']);
    assert.match(String(record?.error), /to take events, got failures of others a moment ago/);
    assert.equal(receiver.received.length, 1);
    await s.deps.webhooks.ask(third.id, now);
    assert.equal(await deliver(third, clock), undefined);
    assert.deepEqual(receiver.ids(), [eventId(first.id), eventId(third.id)]);
    await deliver(second, { ...clock, now: () => next });
    assert.equal((await recordOf(second))?.state, 'delivered', 'a success ends the rest');
  });

  test('comes again soon while one tries whether its receiver is back: that may be itself', async () => {
    await using receiver = await startReceiver([500]);
    const [first, second] = [await ended(receiver.url, '1'), await ended(receiver.url, '2')];
    let now = Date.now() + 1_000;
    const receivers = createReceiverPlaces({ now: () => now });
    const clock = { now: () => now, receivers };
    await deliver(first, clock);
    now += 1_001;
    using _trying = receivers.take(new URL(receiver.url).host);
    const next = (await deliver(second, clock)) ?? 0;
    assert.ok(next > now && next <= now + 1_000, `in ${next - now} ms`);
    assert.equal((await recordOf(second))?.tries, 0);
  });

  test('is not counted as tried while the service cannot sign, which only the log explains', async () => {
    const task = await ended('http://127.0.0.1:9/hook');
    const [fault, error] = ['service', 'Expected the service to sign'] as const;
    const send = async () => ({ delivered: false, error, fault, forLog: 'Restore /home/me/secret' }) as const;
    let now = Date.now() + 1_000;
    for (let time = 0; time < 3; time++, now += 30 * 3_600_000)
      await deliver(task, { sender: { send }, now: () => now });
    const record = await recordOf(task);
    assert.deepEqual([record?.state, record?.attempts, record?.error], ['pending', 0, error]);
    const lines = s.logged('webhook.failed').map(({ severity, reason }) => `${severity} ${reason}`);
    assert.deepEqual(
      lines,
      ['ERROR', 'DEBUG', 'DEBUG'].map((level) => `${level} Restore /home/me/secret`),
    );
  });

  test('is not counted as tried if the network is not back after the machine slept', async () => {
    const task = await ended(await deadUrl());
    await deliver(task, { isJustAwake: () => true });
    const pending = await recordOf(task);
    assert.deepEqual([pending?.state, pending?.attempts], ['pending', 0]);
    const later = { now: () => pending?.nextTryAt as number };
    await deliver(task, { ...later, isJustAwake: () => false });
    assert.equal((await recordOf(task))?.attempts, 1);
  });

  test('is made once, from one look at the reports, and sent with the same bytes ever after', async () => {
    await using receiver = await startReceiver([500, 200]);
    const task = await ended(receiver.url);
    const next = (await deliver(task)) as number;
    const reports = { ...s.deps.reports, list: () => Promise.reject(new Error('read again')) };
    const changed = { ...task, name: 'of another version' };
    const tasks = { ...s.deps.tasks, get: async () => changed };
    const now = () => next;
    await deliver(task, { reports, tasks, now, receivers: createReceiverPlaces({ now }) });
    const [first, second, ...more] = receiver.received.map(({ body }) => body);
    assert.deepEqual([second, more], [first, []]);
  });

  test('is tried again later if the reports cannot be read in time', async (t) => {
    const task = await ended('http://127.0.0.1:9/hook');
    const time = fakeTime(t);
    const reports = { ...s.deps.reports, list: () => new Promise<never>(() => {}) };
    const error = await time.passing(deliver(task, { reports }).catch((reason: unknown) => reason));
    assert.ok(TransientError.is(error) && error.code === 'out_of_time');
  });

  test('is forgotten with its task, and put off while the task cannot be read', async () => {
    await using receiver = await startReceiver();
    const task = await ended(receiver.url);
    const { tasks } = s.deps;
    const unread = { ...tasks, get: async () => undefined };
    await deliver(task, { tasks: unread });
    assert.deepEqual(await s.deps.webhooks.due(Date.now(), 10), []);
    assert.equal((await recordOf(task))?.state, 'pending');
    await deliver(task, { tasks: { ...unread, progress: async () => undefined } });
    assert.equal(await recordOf(task), undefined);
    assert.equal(receiver.received.length, 0);
  });

  test('counts an error of the service as a failed delivery, so that it ends after a day, too', async () => {
    await using receiver = await startReceiver();
    const task = await ended(receiver.url);
    const sender: WebhookSender = { send: () => Promise.reject(new TypeError('a bug')) };
    assert.ok(await deliver(task, { sender }));
    assert.match((await recordOf(task))?.error ?? '', /an unexpected error of the service/);
  });

  test('to a receiver that hangs takes few places, and leaves the others to other receivers', async () => {
    await using hanging = await startReceiver(['hang']);
    await using fine = await startReceiver();
    const receivers = createReceiverPlaces({ own: 2 });
    const stop = new AbortController();
    const send = (task: Task) =>
      webhook(
        { topic: 'webhook', taskId: task.id },
        { signal: stop.signal, messageId: crypto.randomUUID() },
        { ...s.deps, receivers },
      );
    const tasks = await Promise.all(['1', '2', '3', '4'].map((name) => ended(hanging.url, name)));
    const results = tasks.map((task) => send(task).catch((error: unknown) => error));
    const [, , third, fourth] = results;
    for (const turnedAway of [await third, await fourth]) {
      assert.ok(TransientError.is(turnedAway) && turnedAway.code === 'waiting');
      assert.ok((turnedAway.retryAfterMs as number) > 0);
    }
    await until(() => hanging.received.length === 2, 'two deliveries');
    assert.equal(await send(await ended(fine.url, 'fine')), undefined);
    assert.equal(fine.received.length, 1);
    stop.abort(new Error('The host stops'));
    await Promise.all(results);
    const records = await Promise.all(tasks.map(recordOf));
    assert.deepEqual(
      records.map((record) => record?.attempts),
      [0, 0, 0, 0],
      'a stop is no failed delivery',
    );
  });
});
