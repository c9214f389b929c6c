/** A client that nobody here wrote speaks to the real host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
const REQUEST = {
  task_name: 'asked for by an assistant',
  // No such host: the task fails at once, which costs nothing.
  video_blocks: { hooks: ['https://nowhere.invalid/a.mp4', 'https://nowhere.invalid/b.mp4'] },
  seed: 7,
};

describe('the MCP server', () => {
  let host: TestHost;
  let client: Client;
  let folder: TempDir;

  const connect = async (headers: Record<string, string>): Promise<Client> => {
    const connecting = new Client({ name: 'test', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(`${host.url}/mcp`), {
      requestInit: { headers },
    });
    await connecting.connect(transport);
    return connecting;
  };
  const send = (body: unknown, headers: Record<string, string> = {}) =>
    conforming(fetch)(
      new Request(`${host.url}/mcp`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'x-api-key': KEY,
          ...headers,
        },
        body: JSON.stringify(body),
      }),
    );
  const call = async (name: string, given: Json) => {
    const { structuredContent, content, isError } = await client.callTool({ name, arguments: given });
    return { body: structuredContent as Json, text: JSON.stringify(content), isError: isError === true };
  };

  before(async () => {
    folder = await tempDir();
    host = await startTestHost(folder.path, { MCP: 'true', API_KEY: KEY });
    client = await connect({ 'x-api-key': KEY });
  });
  after(async () => {
    await client.close();
    await host[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  test('offers its tools with the schemas of the HTTP interface', async () => {
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), [
      'cancel',
      'list',
      'plan',
      'status',
      'submit',
      'videos',
    ]);
    const submit = tools.find(({ name }) => name === 'submit');
    assert.deepEqual(submit?.inputSchema.required, ['task_name', 'video_blocks']);
    assert.ok(Object.keys(submit?.inputSchema.properties ?? {}).includes('text_to_speech'));
    assert.ok(Object.keys(submit?.outputSchema?.['properties'] ?? {}).includes('task_id'));
  });

  test('plans, submits once, watches, lists the videos and cancels', async () => {
    const plan = await call('plan', REQUEST);
    assert.equal(plan.body?.['combinations'], 2, plan.text);
    const key = crypto.randomUUID();
    const submitted = await call('submit', { ...REQUEST, idempotency_key: key });
    const again = await call('submit', { ...REQUEST, idempotency_key: key });
    const { task_id: id } = submitted.body;
    assert.equal(again.body['task_id'], id);
    const status = await call('status', { task_id: id });
    assert.equal(status.body['task_name'], REQUEST.task_name);
    const videos = await call('videos', { task_id: id, cursor: null });
    assert.equal((videos.body['renders'] as Json[]).length, 2);
    const listed = await call('list', { name: REQUEST.task_name, limit: 1 });
    assert.deepEqual(
      (listed.body['tasks'] as Json[]).map((task) => task['task_id']),
      [id],
    );
    const cancelled = await call('cancel', { task_id: id });
    assert.match(String(cancelled.body['status']), /^(cancelling|cancelled|failed)$/);
  });

  test('answers a mistake with the words of the HTTP interface', async () => {
    const refused = await call('submit', {
      task_name: 'x',
      video_blocks: { a: ['clip.mp4'] },
      colour: 'red',
    });
    assert.ok(refused.isError);
    assert.match(refused.text, /Expected an http\(s\), gs:\/\/ or upload: URL/);
    assert.match(refused.text, /unknown field/);
    const unknown = await call('status', { task_id: 'none' });
    assert.ok(unknown.isError);
    assert.match(unknown.text, /which is unknown/);
  });

  test('refuses arguments that a tool does not take, instead of ignoring them', async () => {
    const refused = async (name: string, given: Json, expected: RegExp) => {
      const { isError, text } = await call(name, given);
      assert.ok(isError, text);
      assert.match(text, /invalid_request/);
      assert.match(text, expected);
    };
    await refused('submit', { ...REQUEST, dry_run: true }, /unknown field \\+"dry_run/);
    await refused('submit', { ...REQUEST, idempotency_kye: 'a' }, /Did you mean idempotency_key\?/);
    await refused('submit', { ...REQUEST, idempotency_key: 7 }, /visible ASCII characters, got 7/);
    await refused('submit', { ...REQUEST, idempotency_key: 'schlüssel\n' }, /visible ASCII characters, got/);
    await refused('plan', { ...REQUEST, cursor: 100 }, /next_cursor of the answer before, got 100/);
    await refused('status', {}, /Expected the task_id of the answer to submit, got nothing/);
    await refused('status', { taskid: 'a' }, /Did you mean task_id\?/);
    await refused('cancel', { task_id: 7 }, /Expected the task_id of the answer to submit, got 7/);
    await refused('videos', { task_id: 'a', limit: '5' }, /Write it without quotes/);
    await refused('list', { state: 'failed' }, /Did you mean status\?/);
    const { tasks } = (await call('list', {})).body as { tasks: Json[] };
    assert.ok(tasks.length <= 1, 'nothing was started');
  });

  test('answers one message at a time, so that each counts', async () => {
    const message = (id: number) => ({ jsonrpc: '2.0', id, method: 'tools/list' });
    const one = await send(message(1));
    assert.equal(one.status, 200);
    await one.body?.cancel();
    const answer = await send([message(1), message(2)]);
    assert.equal(answer.status, 422);
    const body = (await answer.json()) as Json;
    assert.match(JSON.stringify(body['errors']), /Expected one JSON-RPC message, got a list of 2/);
    assert.equal((await send('tools/list')).status, 422);
  });

  test('answers what is no message of the protocol as described', async () => {
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
    assert.equal((await send(message, { accept: 'application/json' })).status, 406);
    assert.equal((await send(message, { 'content-type': 'application/vnd.api+json' })).status, 415);
    assert.equal((await send({ hello: 'world' })).status, 400);
    assert.equal((await send({ ...message, method: 'no/such' })).status, 200);
    assert.equal((await send({ jsonrpc: '2.0', method: 'notifications/initialized' })).status, 202);
  });

  test('announces no changes of its list of tools', () => {
    assert.deepEqual(client.getServerCapabilities()?.tools, { listChanged: false });
  });

  test('takes no message without the key, and does not exist where MCP is not set', async () => {
    await assert.rejects(connect({}));
    await using dir = await tempDir();
    await using other = await startTestHost(dir.path);
    const answer = await fetch(`${other.url}/mcp`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    assert.equal(answer.status, 404);
  });
});
