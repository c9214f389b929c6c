import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { hostRefusal } from '../../functions/adapters/shared/address-guard.ts';
import { createApi } from '../../functions/http/router.ts';
import { webhookSchema } from '../../functions/model/answers/webhook.ts';
import type { CallbackRule } from '../../functions/model/callback-url.ts';
import { eventId } from '../../functions/model/webhook.ts';
import { webhook } from '../../functions/stages/webhook.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { startReceiver, WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';

type Json = Record<string, unknown>;

const BASE = 'http://127.0.0.1:8080';
const isView = new Ajv({ validateFormats: false }).compile(webhookSchema);

describe('callback_url', () => {
  const s = useStages({ WEBHOOK_SECRET, ALLOW_PRIVATE_URLS: 'true' });

  async function ask(method: string, path: string, body?: unknown, headers = {}, callback?: CallbackRule) {
    const limits = { ...s.deps.limits, ...(callback === undefined ? {} : { callback }) };
    const response = await conforming(createApi({ ...s.deps, limits }))(
      new Request(`${BASE}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    return { status: response.status, body: (await response.json()) as Json };
  }
  const request = (callback_url?: string) => ({
    task_name: 'ads',
    video_blocks: { hooks: [s.server.url('/a.mp4')] },
    ...(callback_url === undefined ? {} : { callback_url }),
  });
  async function posted(callback?: string): Promise<string> {
    const { status, body } = await ask('POST', '/process_media', request(callback));
    assert.equal(status, 202, JSON.stringify(body));
    return String(body['task_id']);
  }
  /** As `complete` leaves it. */
  async function end(id: string): Promise<void> {
    await s.deps.webhooks.ask(id, Date.now());
    await s.deps.tasks.finish(id);
  }
  async function shown(id: string): Promise<Json> {
    const { body } = await ask('GET', `/tasks/${id}`);
    assert.ok(isView(body['webhook']), JSON.stringify(isView.errors));
    return body['webhook'] as unknown as Json;
  }
  const deliver = (taskId: string) => webhook({ topic: 'webhook', taskId }, delivery(), s.deps);

  test('is kept with the address of the service, for the links of the event', async () => {
    const id = await posted('https://hooks.example/x?token=1');
    const task = await s.deps.tasks.get(id);
    assert.deepEqual(task?.callback, { url: 'https://hooks.example/x?token=1', baseUrl: BASE });
    assert.equal((await s.deps.tasks.get(await posted()))?.callback, null);
  });

  test('is a part of what an Idempotency-Key stands for', async () => {
    const key = { 'idempotency-key': 'one' };
    const post = (callback: string) => ask('POST', '/process_media', request(callback), key);
    const [first, same, other] = [
      await post('https://h/1'),
      await post('https://h/1'),
      await post('https://h/2'),
    ];
    assert.equal(first.body['task_id'], same.body['task_id']);
    assert.deepEqual([other.status, other.body['code']], [422, 'key_reused']);
  });

  test('that leads to a metadata service, or to this network where that is not allowed, is refused at once', async () => {
    const refused = async (url: string, allowPrivate: boolean) => {
      const callback = ({ hostname }: URL) => hostRefusal(hostname, { allowPrivate });
      const { status, body } = await ask('POST', '/process_media', request(url), {}, callback);
      const [mistake] = (body['errors'] ?? []) as { pointer: string; code: string; message: string }[];
      return mistake === undefined ? status : `${mistake.pointer} ${mistake.code} ${mistake.message}`;
    };
    const metadata = 'http://169.254.169.254/latest';
    for (const allow of [true, false])
      assert.match(
        String(await refused(metadata, allow)),
        /^\/callback_url invalid_url .*a metadata service/,
      );
    assert.match(
      String(await refused('http://10.0.0.7:81/x', false)),
      /got 10\.0\.0\.7\. Use a public address/,
    );
    assert.equal(await refused('http://10.0.0.7:81/x', true), 202);
    // By default, the service of this test is not exposed, and allows what is near.
    const byDefault = await ask('POST', '/process_media', request(metadata));
    assert.equal(byDefault.status, 422);
  });

  test('is shown in the status without its path and query, first as waiting, then with what became of the event', async () => {
    await using receiver = await startReceiver([500, 200]);
    const id = await posted(receiver.url);
    const masked = `${new URL(receiver.url).origin}/***`;
    const none = { last_attempt_at: null, next_try_at: null, error: null };
    assert.deepEqual(await shown(id), {
      url: masked,
      event_id: eventId(id),
      state: 'waiting',
      attempts: 0,
      ...none,
    });
    await end(id);
    assert.equal((await shown(id))['state'], 'pending');
    await deliver(id);
    const failed = await shown(id);
    assert.deepEqual([failed['state'], failed['attempts']], ['pending', 1]);
    assert.match(String(failed['error']), /got 500/);
    assert.ok(Date.parse(String(failed['next_try_at'])) > Date.parse(String(failed['last_attempt_at'])));
    await ask('POST', `/tasks/${id}/webhook`);
    await deliver(id);
    const { last_attempt_at, ...delivered } = await shown(id);
    const settled = { state: 'delivered', attempts: 2, next_try_at: null, error: null };
    assert.deepEqual(delivered, { url: masked, event_id: eventId(id), ...settled });
    assert.ok(last_attempt_at !== null);
  });

  test('gets the event again with the same id whenever a caller asks, also after 410', async () => {
    await using receiver = await startReceiver([410, 200]);
    const id = await posted(receiver.url);
    await end(id);
    await deliver(id);
    assert.equal((await shown(id))['state'], 'failed');
    for (let time = 0; time < 2; time++) {
      const { status, body } = await ask('POST', `/tasks/${id}/webhook`);
      assert.deepEqual([status, (body['webhook'] as Json)['state']], [202, 'pending']);
      assert.ok((s.waiting()['webhook'] as number) > 0);
      await deliver(id);
      assert.equal((await shown(id))['state'], 'delivered');
    }
    assert.deepEqual(receiver.ids(), Array(3).fill(eventId(id)));
  });

  test('can be asked for neither before the end of the task nor without one', async () => {
    const [running, plain] = [await posted('https://h/1'), await posted()];
    const early = await ask('POST', `/tasks/${running}/webhook`);
    assert.deepEqual([early.status, early.body['code']], [409, 'task_running']);
    await s.deps.tasks.finish(plain);
    const without = await ask('POST', `/tasks/${plain}/webhook`);
    assert.deepEqual([without.status, without.body['code']], [409, 'no_webhook']);
    assert.equal((await ask('POST', '/tasks/none/webhook')).status, 404);
    assert.equal((await ask('GET', `/tasks/${plain}`)).body['webhook'], null);
  });
});
