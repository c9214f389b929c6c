/** The event of a task on the single-machine host, from the post to a receiver. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Webhook } from 'standardwebhooks';
import { until } from '../contracts/harness.ts';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { deadUrl, startReceiver } from '../fixtures/network/receiver.ts';
import { startSourceServer } from '../fixtures/network/source-server.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const OUTPUT = { width: 160, height: 90, fps: 30 };

describe('the host, with a callback_url', { timeout: 300_000 }, () => {
  test('sends one signed event after the end, whatever other receivers do, and a retry sends its own', async () => {
    await using dir = await tempDir();
    const clip = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 15 }));
    await using server = await startSourceServer({ '/a.mp4': { body: clip }, '/b.mp4': { body: clip } });
    server.set('/c.mp4', { body: Buffer.from(''), always: { does: 'status', status: 404 } });
    await using hanging = await startReceiver(['hang']);
    await using host: TestHost = await startTestHost(dir.path);
    const seen: unknown[] = [];
    await using receiver = await startReceiver([200], async ({ body }) => {
      const { data } = JSON.parse(body) as { data: { links: { self: string } } };
      seen.push(((await (await fetch(data.links.self)).json()) as Json)['status']);
    });
    const request = (name: string, callback_url: string, clips: string[]) => ({
      task_name: name,
      video_blocks: { hooks: clips.map((path) => server.url(path)) },
      output: OUTPUT,
      callback_url,
    });
    const dead = await deadUrl();
    for (const [name, url] of [
      ['hanging', hanging.url],
      ['dead', dead],
    ] as const)
      await host.run(request(name, url, ['/a.mp4']));
    const { id } = await host.run(request('ads', receiver.url, ['/a.mp4', '/b.mp4', '/c.mp4']));
    const stateOf = async (task: string) => ((await host.get(`/tasks/${task}`))['webhook'] as Json)['state'];
    await until(async () => (await stateOf(id)) === 'delivered', 'the event');
    assert.deepEqual(seen, ['partial'], 'a receiver that asks for the status sees the end');

    const secret = await readFile(join(host.dataDir, 'webhook.secret'), 'utf8');
    const [event] = receiver.received.map(({ body, headers }) =>
      new Webhook(secret).verify(body, headers as Record<string, string>),
    ) as { type: string; data: { failures: { index: number; code: string }[] } }[];
    const failed = event?.data.failures.map(({ index, code }) => `${index} ${code}`);
    assert.deepEqual([event?.type, failed], ['task.partial', ['3 source_not_found']]);

    server.set('/c.mp4', { body: clip });
    const retry = await host.retry(id);
    await until(async () => (await stateOf(retry.id)) === 'delivered', 'the event of the retry');
    assert.deepEqual([receiver.received.length, new Set(receiver.ids()).size], [2, 2]);
    assert.equal(hanging.received.length, 1);
    assert.ok(host.logged('webhook.failed').some(({ task_name }) => task_name === 'dead'));
    assert.doesNotMatch(
      JSON.stringify(host.logged()),
      /\/hook|a-secret-of/,
      'the log shows neither path nor query',
    );
  });
});
