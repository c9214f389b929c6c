/** Deleting a task, and what reaches the service afterwards. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { prepareKey, retryKey } from '../../functions/coordination/lease-keys.ts';
import { createApi } from '../../functions/http/router.ts';
import type { Task } from '../../functions/model/task.ts';
import { publishTask } from '../../functions/pipeline/publish.ts';
import { complete } from '../../functions/stages/complete.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { sweep } from '../../functions/stages/sweep.ts';
import { sampleReport } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';

const BASE = 'http://127.0.0.1:8080';
const POSTED = { task_name: 'posted', video_blocks: { a: ['https://example.com/1.mp4'] } };

describe('a task that is deleted', () => {
  const s = useStages();
  const ask = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    conforming(createApi(s.deps))(
      new Request(`${BASE}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
  const remove = async ({ id }: { id: string }) => (await ask('DELETE', `/tasks/${id}`)).status;
  const codeOf = async (response: Response) => ((await response.json()) as Json)['code'];
  const end = async ({ id, plan }: Task, status: 'succeeded' | 'failed' = 'succeeded') => {
    const error =
      status === 'failed' ? ({ code: 'source_not_found', message: '', stage: 'download' } as const) : null;
    for (const { index } of plan.combinations)
      await s.deps.reports.report(id, sampleReport(index, { status, error }));
    await complete({ topic: 'complete', taskId: id }, delivery(), s.deps);
  };

  test('is unknown from then on, its videos and its manifest stay, and the log has a line', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    for (const index of [1, 2]) await s.renderOne(task, index);
    await complete({ topic: 'complete', taskId: task.id }, delivery(), s.deps);
    const files = (await readdir(task.folder.id)).sort();
    assert.equal(files.length, 4);
    const answer = await ask('DELETE', `/tasks/${task.id}`);
    assert.deepEqual([answer.status, await answer.text()], [204, '']);
    assert.deepEqual((await readdir(task.folder.id)).sort(), files);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/renders'],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['DELETE', ''],
    ] as const) {
      const gone = await ask(method, `/tasks/${task.id}${path}`);
      assert.deepEqual([gone.status, await codeOf(gone)], [404, 'not_found'], `${method} ${path}`);
    }
    assert.deepEqual(
      s.logged('task.deleted').map((line) => line['task_id']),
      [task.id],
    );
  });

  test('takes its event along if that was not delivered, and the log says so', async () => {
    const callback = { url: 'https://hooks.example/x', baseUrl: BASE };
    for (const state of ['pending', 'delivered'] as const) {
      const task = await s.createTask({ name: state, callback });
      await end(task);
      const record = await s.deps.webhooks.read(task.id);
      assert.ok(record);
      await s.deps.webhooks.record(task.id, record, { ...record, state });
      assert.equal(await remove(task), 204);
      assert.equal(await s.deps.webhooks.read(task.id), undefined);
    }
    const lines = s.logged('webhook.dropped').map(({ severity, task_name }) => [severity, task_name]);
    assert.deepEqual(lines, [['NOTICE', 'pending']]);
  });

  test('must have ended: until then it is refused and goes on, also while it is cancelling', async () => {
    const task = await s.createTask();
    for (const cancelling of [false, true]) {
      if (cancelling) await s.deps.tasks.cancel(task.id);
      const refused = await ask('DELETE', `/tasks/${task.id}`);
      assert.deepEqual([refused.status, await codeOf(refused)], [409, 'task_running']);
    }
    assert.deepEqual(await s.deps.tasks.unfinished(9), [task.id]);
    assert.equal(await remove({ id: 'nobody' }), 404);
  });

  test('leaves messages without effect: nothing is made, saved, removed or logged as an error', async () => {
    const task = await s.createTask();
    await publishTask(task, s.deps);
    await end(task);
    const files = await readdir(task.folder.id);
    assert.equal(await remove(task), 204);
    assert.deepEqual(s.waiting(), { prepare: 0, render: 0, complete: 0, webhook: 0, 'dead-letter': 0 });
    const message = { topic: 'render', taskId: task.id, index: 1 } as const;
    await s.renderOne(task, 1);
    await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery(), s.deps);
    await complete({ topic: 'complete', taskId: task.id }, delivery(), s.deps);
    await deadLetter({ topic: 'dead-letter', taskId: task.id, message, reason: 'x' }, delivery(), s.deps);
    await sweep({ ...s.deps, publishingMs: 0 });
    assert.deepEqual(await readdir(task.folder.id), files);
    assert.deepEqual(s.logged('message.handed_back'), []);
    assert.deepEqual(await s.deps.leases.read([prepareKey(task.id, 0)]), ['none']);
    assert.equal((await s.deps.pins.count(task.id)).all, 0);
  });

  test('frees its Idempotency-Key: the request makes a new task', async () => {
    const post = async () => {
      const answer = await ask('POST', '/process_media', POSTED, { 'idempotency-key': 'k' });
      assert.equal(answer.status, 202);
      const { task_id: id } = (await answer.json()) as { task_id: string };
      return { id, replayed: answer.headers.get('idempotency-replayed') };
    };
    const first = await post();
    assert.deepEqual(await post(), { id: first.id, replayed: 'true' });
    const task = await s.deps.tasks.get(first.id);
    assert.ok(task);
    await end(task);
    assert.equal(await remove(task), 204);
    const again = await post();
    assert.notEqual(again.id, first.id);
    assert.equal(again.replayed, null);
    assert.deepEqual(await post(), { id: again.id, replayed: 'true' });
  });

  test('is no error for a request with its key that has just found the claim', async () => {
    const headers = { 'idempotency-key': 'k' };
    const answer = await ask('POST', '/process_media', POSTED, headers);
    const { task_id: id } = (await answer.json()) as { task_id: string };
    const { tasks } = s.deps;
    let deleted = false;
    const late = {
      ...s.deps,
      tasks: {
        ...tasks,
        async claimed(key: string) {
          const holder = await tasks.claimed(key);
          if (!deleted) await tasks.remove(id);
          deleted = true;
          return holder;
        },
      },
    };
    const request = new Request(`${BASE}/process_media`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(POSTED),
    });
    const second = await conforming(createApi(late))(request);
    assert.equal(second.status, 202);
    assert.notEqual(((await second.json()) as Json)['task_id'], id);
  });

  test('lets its retry go on, and a deleted retry may be asked for again', async () => {
    const task = await s.createTask();
    await end(task, 'failed');
    const retry = async () => {
      const answer = await ask('POST', `/tasks/${task.id}/retry`);
      assert.equal(answer.status, 202);
      return (await s.deps.tasks.get(String(((await answer.json()) as Json)['task_id']))) as Task;
    };
    const first = await retry();
    await end(first);
    assert.equal(await remove(first), 204);
    const second = await retry();
    assert.notEqual(second.id, first.id);
    assert.equal(await remove(task), 204);
    assert.equal(await s.deps.tasks.claimed(retryKey(task.id)), undefined);
    await end(second);
    const { status } = (await (await ask('GET', `/tasks/${second.id}`)).json()) as Json;
    assert.equal(status, 'completed');
  });
});
