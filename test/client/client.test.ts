/** The client against the service on one machine. What other servers may do is in answers.test.ts and watch.test.ts. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { VERSION } from '../../functions/base/version.ts';
import {
  type Client,
  createClient,
  type ProcessMediaRequest,
  ServiceError,
} from '../../functions/client/client.ts';
import { ROUTES } from '../../functions/http/routes/routes.ts';
import {
  PROCESS_MEDIA_PATH,
  renderPaths,
  STATS_PATH,
  TASKS_PATH,
  taskPaths,
  UPLOADS_PATH,
} from '../../functions/model/paths.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const API_KEY = 'a key of the client test';

async function all<T>(pages: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of pages) found.push(one);
  return found;
}

describe('the client, with the service on one machine', () => {
  let dir: TempDir;
  let sources: SourceServer;
  let host: TestHost;
  let client: Client;
  let request: ProcessMediaRequest;

  before(async () => {
    dir = await tempDir();
    const clip = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 15 }));
    sources = await startSourceServer({ '/a.mp4': { body: clip }, '/b.mp4': { body: clip } });
    host = await startTestHost(dir.path, { API_KEY });
    // A slash at the end changes nothing.
    client = createClient({ url: `${host.url}/`, apiKey: API_KEY });
    request = {
      task_name: 'by the client',
      video_blocks: { hooks: [sources.url('/a.mp4'), sources.url('/b.mp4'), sources.url('/gone.mp4')] },
      output: { width: 160, height: 90, fps: 30 },
      seed: 7,
    };
  });
  after(async () => {
    await host?.[Symbol.asyncDispose]();
    await sources?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  test('submits a task, watches it to its end, lists its videos and retries what failed', async () => {
    const { task_id, combinations } = await client.submit(request, { idempotencyKey: 'once' });
    const again = await client.submit(request, { idempotencyKey: 'once' });
    assert.deepEqual([combinations, again.task_id], [3, task_id]);

    const seen = await all(client.watch(task_id));
    const last = seen.at(-1);
    assert.deepEqual([last?.status, last?.succeeded, last?.failed], ['partial', 2, 1]);
    assert.equal(seen.filter(({ completed_at }) => completed_at !== null).length, 1);
    assert.deepEqual(await client.status(task_id), last);

    const renders = await all(client.renders(task_id));
    assert.deepEqual(
      renders.map(({ index, status }) => [index, status]),
      [
        [1, 'succeeded'],
        [2, 'succeeded'],
        [3, 'failed'],
      ],
    );
    assert.deepEqual(await all(client.renders(task_id, { status: 'failed' })), [renders[2]]);

    const retried = await client.retry(task_id);
    assert.equal(retried.retry_of, task_id);
    assert.equal((await client.stats()).version, VERSION);
    assert.equal((await client.ready()).status, 'ready');
    assert.equal((await client.ended(retried.task_id)).status, 'failed');
    const failed = await all(client.tasks({ status: 'failed', name: request.task_name, limit: 1 }));
    assert.deepEqual(
      failed.map((task) => task.task_id),
      [retried.task_id],
    );
    // An ended task stays as it ended.
    assert.equal((await client.cancel(task_id)).status, 'partial');
  });

  test('uploads a clip, gets its video, manifest and archive, and forgets the task', async () => {
    const bytes = await readFile(join(dir.path, 'red.mp4'));
    const file = { bytes: bytes.length, type: 'video/mp4' };
    const clips = [
      await client.upload({ ...file, name: 'whole.mp4', body: bytes }),
      await client.upload({ ...file, name: 'stream.mp4', body: new Blob([bytes]).stream() }),
    ];
    const { task_id } = await client.submit({
      ...request,
      task_name: 'uploaded',
      video_blocks: { hooks: clips },
    });
    assert.equal((await client.ended(task_id)).status, 'completed');

    const { file_name } = await client.render(task_id, 2);
    assert.match(file_name, /^0002-stream-/);
    const video = await client.video(task_id, 2);
    assert.equal(video.headers.get('content-type'), 'video/mp4');
    assert.equal((await video.bytes()).length, Number(video.headers.get('content-length')));
    const manifest = await client.manifest(task_id);
    assert.deepEqual([manifest.succeeded, manifest.renders[1]?.file_name], [2, file_name]);
    const zip = await client.zip(task_id);
    assert.deepEqual([...(await zip.bytes()).subarray(0, 2)], [...Buffer.from('PK')]);
    const one = await client.zip(task_id, { renders: [2] });
    assert.match(one.headers.get('content-disposition') ?? '', /uploaded, 1 video\.zip/);
    await one.body?.cancel();
    await assert.rejects(client.zip(task_id, { renders: [2, 3] }), { status: 404, code: 'not_found' });
    const { token } = await client.access(task_id);
    const shown = await fetch(`${host.url}${renderPaths(task_id, 2).video}?access=${token}`, {
      method: 'HEAD',
    });
    assert.equal(shown.status, 200, 'without the key');
    await assert.rejects(client.sendWebhook(task_id), { status: 409, code: 'no_webhook' });

    const listed = async () => (await all(client.tasks({ limit: 1 }))).map((task) => task.task_id);
    assert.equal((await listed())[0], task_id);
    await client.delete(task_id);
    assert.ok(!(await listed()).includes(task_id));
    await assert.rejects(client.delete(task_id), { status: 404 });
  });

  test('plans a task in pages that are of one plan, and starts nothing', async () => {
    const urls = Array.from({ length: 15 }, (_, n) => `https://example.com/clip-${n}.mp4`);
    const { seed: _, ...unseeded } = request;
    const pages = await all(client.plan({ ...unseeded, video_blocks: { hooks: urls, bodies: urls } }));
    assert.deepEqual(
      pages.map(({ renders }) => renders.length),
      [100, 100, 25],
    );
    assert.equal(new Set(pages.map(({ seed }) => seed)).size, 1);
    assert.deepEqual(
      pages.flatMap(({ renders }) => renders.map(({ index }) => index)),
      Array.from({ length: 225 }, (_, n) => n + 1),
    );
  });

  test('throws what the service says about a refused request, with each mistake', async () => {
    const refused = await client.submit({ ...request, task_name: '', seed: -1 }).catch((error) => error);
    assert.ok(ServiceError.is(refused));
    assert.deepEqual([refused.status, refused.code], [422, 'invalid_request']);
    assert.match(refused.hint ?? '', /^Fix each entry/);
    assert.match(refused.message, /^The request is invalid \(422\)\..*\n {2}\/task_name: Expected/s);
    assert.deepEqual(
      refused.mistakes.map(({ pointer, code }) => [pointer, code]),
      [
        ['/task_name', 'invalid'],
        ['/seed', 'invalid'],
      ],
    );
  });

  test('throws not_found for a task that does not exist, and unauthorized with a wrong key', async () => {
    await assert.rejects(client.status('no such task'), { status: 404, code: 'not_found' });
    await assert.rejects(all(client.watch('no such task')), { status: 404, code: 'not_found' });
    const stranger = createClient({ url: host.url, apiKey: 'not the key of the service' });
    await assert.rejects(stranger.status('any'), { status: 401, code: 'unauthorized' });
    await assert.rejects(stranger.stats(), { status: 401, code: 'unauthorized' });
  });
});

describe('the paths of the client', () => {
  test('are those of the routes', () => {
    const paths = ROUTES.map(({ path }) => path);
    const of = {
      ...taskPaths('ID'),
      ...renderPaths('ID', 1),
      PROCESS_MEDIA_PATH,
      STATS_PATH,
      TASKS_PATH,
      UPLOADS_PATH,
    };
    for (const path of Object.values(of)) {
      const described = path.replace('ID', '{task_id}').replace('/1', '/{index}');
      assert.ok(paths.includes(described), path);
    }
  });

  test('keep an id within its part of the path', () => {
    assert.equal(taskPaths('a/b?c').self, '/tasks/a%2Fb%3Fc');
  });
});

describe('the types of the client', () => {
  /** Never called: the compiler checks it. */
  function wrong(client: Client) {
    // @ts-expect-error A field of the request that does not exist.
    void client.submit({ task_name: 'a', video_blocks: {}, audio_block: {} });
    // @ts-expect-error A request without its name.
    void client.submit({ video_blocks: { hooks: ['https://example.com/a.mp4'] } });
    // @ts-expect-error A fit that does not exist.
    void client.submit({ task_name: 'a', video_blocks: { hooks: [''] }, output: { fit: 'stretch' } });
    // @ts-expect-error A status that no video has.
    client.renders('id', { status: 'completed' });
    // @ts-expect-error A field of the status that does not exist.
    void client.status('id').then(({ done }) => done);
    // @ts-expect-error A file of unknown size.
    void client.upload({ name: 'a.mp4', type: 'video/mp4', body: '' });
  }

  test('refuse wrong fields of requests and of answers', () => {
    assert.equal(typeof wrong, 'function');
  });
});
