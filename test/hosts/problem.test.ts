/** What the status says while a server is down, a source is slow to come back, or the disk is full: the whole service. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createConnections } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../contracts/harness.ts';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer, times } from '../fixtures/network/source-server.ts';
import { failingSystem } from '../fixtures/system/failing-system.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

interface Problem {
  code: string;
  message: string;
  stage: string;
  hint: string;
  since: string;
  next_try_at: string | null;
}

describe('the problem in the status of a task', () => {
  let dir: TempDir;
  let clip: Buffer;
  let sources: SourceServer;
  let host: TestHost;

  before(async () => {
    dir = await tempDir();
    clip = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red' }));
    sources = await startSourceServer({
      '/good.mp4': { body: clip },
      '/busy.mp4': { body: clip, script: times(2, { does: 'status', status: 503 }) },
    });
    host = await startTestHost(dir.path);
  });

  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await sources?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const post = async (name: string, clips: string[]) => {
    const { status, body } = await host.post({ task_name: name, video_blocks: { a: clips } });
    assert.equal(status, 202, JSON.stringify(body));
    return String(body['task_id']);
  };
  const statusOf = (id: string) => host.get(`/tasks/${id}`);
  /** Waits for a problem that fits. */
  const problemOf = async (id: string, fits: (problem: Problem) => boolean = () => true) => {
    let status: Json = {};
    await until(
      async () => {
        status = await statusOf(id);
        const problem = status['problem'] as Problem | null;
        return problem !== null && fits(problem);
      },
      `a problem, got ${JSON.stringify(status)}`,
    );
    return status['problem'] as Problem;
  };

  test('appears while a server refuses connections, says since when and when next, and goes once it is back', async () => {
    const port = await freePort();
    const [down, good] = [`http://127.0.0.1:${port}/clip.mp4?sig=secret`, sources.url('/good.mp4')];
    const posted = Date.now();
    const id = await post('down', [good, down]);
    const other = await post('other', [good]);
    const first = await problemOf(id);
    assert.ok(Date.now() - posted < 20_000);
    assert.deepEqual([first.code, first.stage], ['network', 'download']);
    assert.match(first.message, /^Clip "clip.*": Expected .*127\.0\.0\.1/);
    assert.doesNotMatch(JSON.stringify(first), /secret/);
    assert.ok(first.hint.length > 10);
    assert.ok(Date.parse(first.since) >= posted - 5);
    const later = await problemOf(id, ({ next_try_at }) => next_try_at !== first.next_try_at);
    assert.equal(later.since, first.since, 'it began once');
    assert.ok(Date.parse(String(later.next_try_at)) > Date.parse(String(first.next_try_at)));
    const before = await statusOf(id);
    assert.deepEqual([before['eta_seconds'], before['sources']], [null, 2]);

    const { status, renders } = await host.end(other);
    assert.deepEqual([status['problem'], renders.length], [null, 1], 'never that of another task');

    await using _server = await serving(port, clip);
    const ended = await host.end(id);
    assert.deepEqual(
      ['status', 'succeeded', 'prepared', 'problem'].map((field) => ended.status[field]),
      ['completed', 2, 2, null],
    );
  });

  test('goes when the source comes, though the task goes on', async () => {
    // It keeps its port, which another program could take otherwise, and answer.
    const silent = createConnections((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    using _closed = { [Symbol.dispose]: () => void silent.close() };
    const { port } = silent.address() as AddressInfo;
    const id = await post('busy', [sources.url('/busy.mp4'), `http://127.0.0.1:${port}/never.mp4`]);
    await problemOf(id, ({ code, message }) => code === 'source_busy' && message.startsWith('Clip "busy'));
    await until(async () => (await statusOf(id))['succeeded'] === 1, 'the first video');
    const { message } = await problemOf(id);
    assert.match(message, /^Clip "never/);
    await host.ask(`/tasks/${id}/cancel`);
    assert.equal((await host.end(id)).status['problem'], null);
  });

  test('says that the disk is full, and what to do, and goes once there is room', async () => {
    sources.set('/other.mp4', {
      body: await readFile(await makeClip(join(dir.path, 'blue.mp4'), { colour: 'blue' })),
    });
    let id: string;
    {
      using _full = failingSystem('rename', 'ENOSPC');
      id = await post('full', [sources.url('/other.mp4')]);
      const { code, message, hint, next_try_at } = await problemOf(
        id,
        ({ next_try_at: next }) => next !== null,
      );
      assert.equal(code, 'disk_full');
      assert.match(message, /^Clip "other.*(full|room)/);
      assert.match(hint, /^Free space/);
      assert.ok(!Number.isNaN(Date.parse(String(next_try_at))));
    }
    const { status } = await host.end(id);
    assert.deepEqual([status['status'], status['problem']], ['completed', null]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function serving(port: number, body: Buffer): Promise<AsyncDisposable & { server: Server }> {
  const server = createServer((_request, response) => response.end(body));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    server,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
