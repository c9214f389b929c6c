/** The functions as on Cloud Run: with a key, behind a front end that terminates TLS and names the client. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Upload } from '../../functions/model/answers/upload.ts';
import { type Answer, type Asked, type Served, serveFunctions } from '../fixtures/hosts/framework.ts';
import { rawRequest } from '../fixtures/network/raw-request.ts';
import { type StorageServer, startStorageServer } from '../fixtures/storage/server.ts';
import { environment } from '../fixtures/system/environment.ts';
import { SIGNING_KEY } from '../fixtures/system/seal.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
/** So low that no request is granted again while a slow machine sends them. */
const LIMIT = 6;
const DRY_RUN = JSON.stringify({ task_name: 'a', video_blocks: { a: ['https://h/1.mp4'] }, dry_run: true });

describe('on Cloud Run', () => {
  let dir: TempDir;
  let served: Served;
  let storage: StorageServer;
  let credentials: Disposable;

  before(async () => {
    dir = await tempDir();
    storage = await startStorageServer(['cache', 'videos']);
    credentials = environment({ GOOGLE_APPLICATION_CREDENTIALS: await storage.account.keyFile(dir.path) });
    served = await serveFunctions(dir.path, {
      K_SERVICE: 'every-cut-process-media',
      OUTPUT: 'gcs',
      OUTPUT_BUCKET: 'videos',
      CACHE_BUCKET: 'cache',
      API_KEY: KEY,
      SIGNING_KEY,
      PUBLIC_API: 'true',
      REQUESTS_PER_MINUTE: String(LIMIT),
      GOOGLE_API_URL: storage.url,
    });
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    credentials[Symbol.dispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function post(
    from: string,
    headers: Record<string, string>,
    body = DRY_RUN,
    asked: Pick<Asked, 'path' | 'method'> = {},
  ): Promise<Answer> {
    let answer: Answer | undefined;
    await served.connected('processMedia', async (ask) => {
      answer = await ask({
        path: '/process_media',
        ...asked,
        body,
        headers: { host: 'f.example', 'x-forwarded-for': from, ...headers },
      });
    });
    return answer as Answer;
  }

  test('responses require TLS for all later requests', async () => {
    const answer = await post('192.0.2.1', {});
    assert.equal(answer.status, 401);
    assert.equal(answer.headers['strict-transport-security'], 'max-age=63072000');
  });

  test('Authorization may carry the token of the platform, because X-API-Key holds the key', async () => {
    const token = 'Bearer a.platform.token';
    const statuses = [
      await post('192.0.2.2', { 'x-api-key': KEY, authorization: token }),
      await post('192.0.2.2', { authorization: `Bearer ${KEY}` }),
      await post('192.0.2.2', { authorization: token }),
      await post('192.0.2.2', { 'x-api-key': `${KEY}x`, authorization: `Bearer ${KEY}` }),
      await post('192.0.2.2', { 'x-api-key': '', authorization: `Bearer ${KEY}` }),
    ].map(({ status }) => status);
    assert.deepEqual(statuses, [200, 200, 401, 401, 401]);
  });

  test('files go to Cloud Storage by signed URLs, past the service', async () => {
    const [from, key] = ['192.0.2.7', { 'x-api-key': KEY }];
    const film = Buffer.alloc(100_000, 'film');
    const announced = JSON.stringify({ name: 'hook.mp4', bytes: film.length, type: 'video/mp4' });
    const upload = JSON.parse((await post(from, key, announced, { path: '/uploads' })).text) as Upload;
    const plan = JSON.stringify({ ...JSON.parse(DRY_RUN), video_blocks: { a: [upload.url] } });
    assert.equal((await post(from, key, plan)).status, 422, 'before the file was sent');
    const { status } = await fetch(upload.upload_url, {
      method: upload.method,
      headers: upload.headers as Record<string, string>,
      body: film,
    });
    assert.equal(status, 200);
    assert.equal((await post(from, key, plan)).status, 200);
    assert.ok(film.equals(storage.objects.find('cache', `uploads/${upload.url.slice(7)}`).body));

    const here = { path: `/uploads/${upload.url.slice(7)}`, method: 'PUT' } as const;
    assert.equal((await post(from, {}, 'film', here)).status, 401);
    const refused = await post(from, key, 'film', here);
    assert.deepEqual([refused.status, JSON.parse(refused.text).code], [403, 'upload_forbidden']);
  });

  test('the page needs no key, and may send files to the storage and show videos from there', async () => {
    const page = await post('192.0.2.8', {}, '', { path: '/', method: 'GET' });
    assert.equal(page.status, 200);
    const policy = String(page.headers['content-security-policy']);
    for (const directive of ['connect-src', 'media-src']) {
      assert.ok(policy.includes(`${directive} 'self' ${new URL(storage.url).origin}`), policy);
    }
    const [, main = ''] = /<script type="module" src="([^"]+)">/.exec(page.text) ?? [];
    const file = await post('192.0.2.8', {}, '', { path: `/${main}`, method: 'GET' });
    assert.deepEqual([file.status, file.headers['content-type']], [200, 'text/javascript; charset=utf-8']);
  });

  test('the client address is the one that the front end saw, not one that the client made up', async () => {
    const own = '203.0.113.9';
    const key = { 'x-api-key': KEY };
    const statuses: number[] = [];
    for (let made = 0; made < LIMIT + 1; made++)
      statuses.push((await post(`10.0.0.${made}, ${own}`, key, '{}')).status);
    assert.deepEqual(statuses.slice(0, LIMIT), Array(LIMIT).fill(422));
    assert.equal(statuses.at(-1), 429);
    assert.equal((await post(`${own}, 203.0.113.10`, key)).status, 200, 'another caller');
  });

  test('a request that names two hosts is refused', async () => {
    const status = async (target: string, ...hosts: string[]) => {
      const lines = [
        `GET ${target} HTTP/1.1`,
        ...hosts.map((name) => `Host: ${name}`),
        `X-API-Key: ${KEY}`,
        'X-Forwarded-For: 192.0.2.4',
        'Connection: close',
      ];
      const answer = await rawRequest(served.port('processMedia'), lines);
      return answer.body['code'] ?? answer.status;
    };
    assert.equal(await status('/', 'f.example'), 200);
    assert.equal(await status('/', 'f.example', 'g.example'), 'wrong_host');
    assert.equal(await status('/', 'f.example', 'f.example'), 'wrong_host');
    assert.equal(await status('http://g.example/', 'f.example'), 'wrong_host');
    assert.equal(await status('/'), 400);
  });

  test('a page of the function itself may post, a page of another site may not', async () => {
    const from = (origin: string) => post('192.0.2.3', { 'x-api-key': KEY, origin });
    assert.equal((await from('https://f.example')).status, 200);
    assert.equal((await from('http://f.example')).status, 403, 'not over TLS');
    assert.equal((await from('https://g.example')).status, 403);
  });
});
