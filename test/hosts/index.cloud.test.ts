/** The functions as on Cloud Run: with a key, behind a front end that terminates TLS and names the client. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Answer, type Served, serveFunctions } from '../fixtures/hosts/framework.ts';
import { rawRequest } from '../fixtures/network/raw-request.ts';
import { SIGNING_KEY } from '../fixtures/system/seal.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
/** So low that no request is granted again while a slow machine sends them. */
const LIMIT = 6;
const DRY_RUN = JSON.stringify({ task_name: 'a', video_blocks: { a: ['https://h/1.mp4'] }, dry_run: true });

describe('on Cloud Run', () => {
  let dir: TempDir;
  let served: Served;

  before(async () => {
    dir = await tempDir();
    served = await serveFunctions(dir.path, {
      K_SERVICE: 'every-cut-process-media',
      OUTPUT: 'gcs',
      OUTPUT_BUCKET: 'videos',
      CACHE_BUCKET: 'cache',
      API_KEY: KEY,
      SIGNING_KEY,
      PUBLIC_API: 'true',
      REQUESTS_PER_MINUTE: String(LIMIT),
    });
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  async function post(from: string, headers: Record<string, string>, body = DRY_RUN): Promise<Answer> {
    let answer: Answer | undefined;
    await served.connected('processMedia', async (ask) => {
      answer = await ask({
        path: '/process_media',
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
    assert.equal(await status('/', 'f.example'), 'not_found');
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
