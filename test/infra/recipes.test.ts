/** The recipes of infra/recipes, run as an integrator would, against the real host. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { startReceiver, WEBHOOK_SECRET } from '../fixtures/network/receiver.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const RECIPES = resolve(import.meta.dirname, '../../infra/recipes');
const KEY = 'a-key-of-sixteen-characters';
const run = promisify(execFile);
const recipe = (name: string) => readFileSync(join(RECIPES, name), 'utf8');

describe('the recipes', { timeout: 300_000 }, () => {
  let dir: TempDir;
  let host: TestHost;
  let clips: SourceServer;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    dir = await tempDir();
    const file = await makeClip(join(dir.path, 'hook-a.mp4'), { colour: 'red', frames: 15 });
    clips = await startSourceServer({ '/a.mp4': { body: await readFile(file) } });
    host = await startTestHost(dir.path, { API_KEY: KEY, WEBHOOK_SECRET });
    env = { PATH: process.env['PATH'], EVERY_CUT_URL: host.url, EVERY_CUT_KEY: KEY };
    await writeFile(join(dir.path, 'request.json'), JSON.stringify(request('curl')));
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await clips?.[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  const request = (name: string) => ({
    task_name: `from ${name}`,
    video_blocks: { hooks: [clips.url('/a.mp4')] },
    output: { width: 160, height: 90, fps: 30 },
  });
  const ask = async (path: string, init: RequestInit = {}) => {
    const headers = { 'x-api-key': KEY, ...init.headers };
    const response = await fetch(path.startsWith('http') ? path : `${host.url}${path}`, { ...init, headers });
    return { status: response.status, body: (await response.json()) as Json };
  };

  test('for curl post a task, wait, download the archive and upload a clip', async () => {
    const blocks = [...recipe('README.md').matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    assert.equal(blocks.length, 2);
    const options = { cwd: dir.path, env };
    for (const block of blocks) await run('bash', ['-euo', 'pipefail', '-c', block], options);
    assert.ok((await stat(join(dir.path, 'videos.zip'))).size > 1_000);
    const { url } = JSON.parse(await readFile(join(dir.path, 'upload.json'), 'utf8')) as { url: string };
    const { status } = await ask('/process_media', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...request('upload'), video_blocks: { hooks: [url] }, dry_run: true }),
    });
    assert.equal(status, 200);
  });

  test('for Node post a task, wait and list its videos', async () => {
    const { stdout, stderr } = await run(
      process.execPath,
      [join(RECIPES, 'submit-and-wait.mjs'), join(dir.path, 'request.json')],
      { env },
    );
    assert.match(stderr, /1 videos, http.*\ncompleted: 1 of 1/);
    assert.match(stdout, /^0001-a-\w{6}\.mp4\tfile:/);
  });

  test('for Node receive the event, and refuse a false one', async () => {
    const child = spawn(process.execPath, [join(RECIPES, 'receive-event.mjs')], {
      env: { ...env, WEBHOOK_SECRET, PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    try {
      const [address] = (await once(createInterface(child.stderr), 'line')) as [string];
      const lines = createInterface(child.stdout);
      const told = once(lines, 'line') as Promise<[string]>;
      const { body } = await ask('/process_media', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...request('the receiver'), callback_url: `${address}/` }),
      });
      const [line] = await told;
      assert.match(line, /^task\.completed\tfrom the receiver: 1 of 1 \(completed\)\thttp/);
      assert.ok(line.includes(String(body['task_id'])));
      const forged = await fetch(address, { method: 'POST', body: '{}', headers: { 'webhook-id': 'msg_1' } });
      assert.equal(forged.status, 401);
    } finally {
      child.kill();
      await once(child, 'close');
    }
  });

  test('for n8n is a workflow whose requests the service takes, from the post to the last page', async () => {
    const { nodes, connections } = JSON.parse(recipe('n8n.json')) as N8n;
    const names = nodes.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const [from, { main }] of Object.entries(connections)) {
      assert.ok(names.includes(from));
      for (const { node } of main.flat()) assert.ok(names.includes(node));
    }
    await using receiver = await startReceiver([200]);
    const known: Record<string, Json> = {};
    const $ = (name: string) => ({ item: { json: known[name] as Json } });
    const scope = { $, $execution: { id: '17', resumeUrl: receiver.url }, $response: { body: {} } };
    const value = (text: string): unknown =>
      text.startsWith('=')
        ? text.slice(1).replace(/\{\{(.*?)\}\}/gs, (_, code) => evaluated(code, scope))
        : text;

    for (const { name, type, parameters } of nodes) {
      if (type === 'n8n-nodes-base.wait') {
        while (receiver.received.length === 0) await new Promise((done) => setTimeout(done, 50));
        assert.equal(parameters['httpMethod'], 'POST');
      }
      if (type !== 'n8n-nodes-base.httpRequest') continue;
      const headers = (
        parameters['headerParameters'] as { parameters: { name: string; value: string }[] } | undefined
      )?.parameters;
      const url = String(value(String(parameters['url']))).replace('http://127.0.0.1:8080', host.url);
      const body = parameters['jsonBody'];
      // The clips of the recipe are examples.
      const sent =
        body === undefined
          ? undefined
          : String(value(String(body))).replaceAll(
              /https:\/\/example\.com\/[\w-]+\.mp4/g,
              clips.url('/a.mp4'),
            );
      const { status, body: answered } = await ask(url, {
        method: String(parameters['method'] ?? 'GET'),
        headers: {
          ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
          ...Object.fromEntries((headers ?? []).map((header) => [header.name, String(value(header.value))])),
        },
        ...(sent === undefined ? {} : { body: sent }),
      });
      assert.ok(status < 300, `${name}: ${JSON.stringify(answered)}`);
      known[name] = answered;
    }
    const pages = (known['List the videos'] as { renders: Json[]; next_cursor: null } | undefined) ?? {
      renders: [],
    };
    assert.equal(pages.renders.length, 2);
    assert.ok(
      evaluated(' $response.body.next_cursor === null ', { ...scope, $response: { body: pages } }) === 'true',
    );
  });

  test('for Make are blueprints whose requests the service takes', async () => {
    await using receiver = await startReceiver([200]);
    const [post] = (JSON.parse(recipe('make.json')) as Make).flow;
    const own = String(post?.mapper['data'])
      .replaceAll(/https:\/\/example\.com\/[\w-]+\.mp4/g, clips.url('/a.mp4'))
      .replace('https://hook.eu2.make.com/YOUR_WEBHOOK', receiver.url);
    const accepted = await ask(
      String(post?.mapper['url']).replace('https://every-cut.example.com', host.url),
      {
        method: String(post?.mapper['method']).toUpperCase(),
        headers: { 'content-type': String(post?.mapper['contentType']), 'idempotency-key': 'execution-1' },
        body: own,
      },
    );
    assert.equal(accepted.status, 202, JSON.stringify(accepted.body));
    while (receiver.received.length === 0) await new Promise((done) => setTimeout(done, 50));
    const [hook, list, feeder] = (JSON.parse(recipe('make-finished.json')) as Make).flow;
    assert.equal(hook?.module, 'gateway:CustomWebHook');
    const event = JSON.parse(receiver.received[0]?.body ?? '') as { data: { task_id: string } };
    const url = String(list?.mapper['url'])
      .replace('https://every-cut.example.com', host.url)
      .replace('{{1.data.task_id}}', event.data.task_id);
    const query = ((list?.mapper['qs'] ?? []) as { name: string; value: string }[]).map(({ name, value }) => [
      name,
      value,
    ]);
    const { body } = await ask(`${url}?${new URLSearchParams(query as [string, string][])}`);
    assert.equal(feeder?.mapper['array'], '{{2.data.renders}}');
    assert.equal((body['renders'] as Json[]).length, 2);
  });
});

interface N8n {
  nodes: { name: string; type: string; parameters: Json }[];
  connections: Record<string, { main: { node: string }[][] }>;
}

interface Make {
  flow: { module: string; mapper: Json }[];
}

/** An expression of n8n is JavaScript. */
function evaluated(code: string, scope: object): string {
  const result = new Function(...Object.keys(scope), `return (${code});`)(...Object.values(scope));
  return typeof result === 'string' ? result : JSON.stringify(result);
}
