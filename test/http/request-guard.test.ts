/** Which requests are accepted, over real HTTP at the single-machine host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { HEADERS } from '../fixtures/hosts/security-headers.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
const DRY_RUN = JSON.stringify({ task_name: 'a', video_blocks: { a: ['https://h/1.mp4'] }, dry_run: true });
const NO_TASK = '/tasks/00000000-0000-4000-8000-000000000000';
type Method = 'GET' | 'POST' | 'PUT' | 'OPTIONS';

interface Asked {
  method?: Method;
  path?: string;
  headers?: Record<string, string>;
}

async function ask(host: TestHost, { method = 'POST', path = '/process_media', headers = {} }: Asked = {}) {
  const response = await request(`${host.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    body: method === 'POST' ? DRY_RUN : null,
  });
  const text = await response.body.text();
  assert.deepEqual({ ...response.headers, ...HEADERS }, response.headers, `${method} ${path}`);
  assert.doesNotMatch(Object.keys(response.headers).join(), /access-control|x-powered-by|^server$/);
  return {
    status: response.statusCode,
    headers: response.headers,
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Json,
  };
}

describe('the request guard', () => {
  let dir: TempDir;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir[Symbol.asyncDispose]());

  describe('without a key, on loopback', () => {
    let host: TestHost;
    before(async () => {
      host = await startTestHost(dir.path, { PUBLIC_URL: 'https://videos.example:8443/cut' });
    });
    after(() => host[Symbol.asyncDispose]());

    const own = () => new URL(host.url).origin;
    const site = (value: string) => ({ 'sec-fetch-site': value });
    const passing: readonly [who: string, headers: () => Record<string, string>][] = [
      ['no browser', () => ({})],
      ['a page of the service', () => ({ ...site('same-origin'), origin: own() })],
      ['a page of the service, in an old browser', () => ({ origin: own() })],
      ['a page of the service, behind a proxy', () => ({ origin: 'https://videos.example:8443' })],
      ['a user who typed the URL', () => site('none')],
    ];
    for (const [who, headers] of passing) {
      test(`lets ${who} in`, async () => {
        assert.equal((await ask(host, { headers: headers() })).status, 200);
      });
    }

    const refused: readonly [who: string, headers: () => Record<string, string>][] = [
      ['another site', () => site('cross-site')],
      ['another site that names our origin', () => ({ ...site('cross-site'), origin: own() })],
      ['a sibling of the same site', () => site('same-site')],
      ['a browser with an unknown Sec-Fetch-Site', () => site('friend')],
      ['another origin', () => ({ origin: 'https://evil.example' })],
      [
        'another origin that claims to be the same',
        () => ({ ...site('same-origin'), origin: 'https://evil.example' }),
      ],
      ['a null origin', () => ({ origin: 'null' })],
      ['an empty origin', () => ({ origin: '' })],
      ['another port of this machine', () => ({ origin: 'http://127.0.0.1:1' })],
      ['another scheme', () => ({ origin: own().replace('http:', 'https:') })],
      ['an origin that begins like ours', () => ({ origin: `${own()}.evil.example` })],
      ['the host behind the proxy on another port', () => ({ origin: 'https://videos.example' })],
    ];
    for (const [who, headers] of refused) {
      test(`refuses a change that ${who} asks for`, async () => {
        for (const path of ['/process_media', `${NO_TASK}/cancel`, `${NO_TASK}/retry`, '/nowhere']) {
          const { status, body } = await ask(host, { path, headers: headers() });
          assert.deepEqual([status, body['code']], [403, 'cross_site'], path);
        }
        const put = await ask(host, { method: 'PUT', headers: headers() });
        assert.equal(put.status, 403);
      });
    }

    test('lets another site send GET, because the browser hides the response from it', async () => {
      const headers = { ...site('cross-site'), origin: 'https://evil.example' };
      assert.equal((await ask(host, { method: 'GET', path: NO_TASK, headers })).status, 404);
    });

    test('approves no preflight', async () => {
      const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
      for (const path of ['/process_media', '/', NO_TASK, `${NO_TASK}/cancel`]) {
        assert.equal((await ask(host, { method: 'OPTIONS', path, headers })).status, 405, path);
      }
    });

    test('refuses a host name that is not its own, and a missing one', async () => {
      for (const name of ['evil.example', 'localhost.evil.example', '127.0.0.1:99999', 'a b']) {
        const { status, body } = await ask(host, { headers: { host: name } });
        assert.deepEqual([status, body['code']], [421, 'wrong_host'], name);
      }
      assert.equal((await ask(host, { headers: { host: 'videos.example' } })).status, 200);
    });

    test('does not limit requests from this machine', async () => {
      const statuses = new Set<number>();
      for (let times = 0; times < 700; times++)
        statuses.add((await ask(host, { method: 'GET', path: NO_TASK })).status);
      assert.deepEqual([...statuses], [404]);
    });
  });

  describe('with a key', () => {
    async function withKey(work: (host: TestHost) => Promise<void>, env = {}): Promise<void> {
      await using own = await tempDir();
      await using host = await startTestHost(own.path, { API_KEY: KEY, ...env });
      await work(host);
    }

    test('accepts the complete key in either header', () =>
      withKey(async (host) => {
        const near = [
          `${KEY.slice(0, -1)}S`,
          `${KEY}x`,
          KEY.slice(0, -1),
          KEY.toUpperCase(),
          `${KEY}, ${KEY}`,
        ];
        const statuses = async (key: string) => [
          (await ask(host, { headers: { 'x-api-key': key } })).status,
          (await ask(host, { headers: { authorization: `Bearer ${key}` } })).status,
        ];
        assert.deepEqual(await statuses(KEY), [200, 200]);
        for (const key of near) assert.deepEqual(await statuses(key), [401, 401], key);
      }));

    test('tells a client without a key nothing about tasks, paths or methods', () =>
      withKey(async (host) => {
        const answers: string[] = [];
        for (const path of ['/', NO_TASK, `${NO_TASK}/renders`, '/nowhere', '/process_media']) {
          for (const method of ['GET', 'POST', 'PUT', 'OPTIONS'] as const) {
            const { status, body, headers } = await ask(host, { method, path });
            assert.equal(headers['www-authenticate'], 'Bearer');
            answers.push(JSON.stringify([status, body]));
          }
        }
        assert.equal(new Set(answers).size, 1, 'the same answer to all');
        assert.match(answers[0] as string, /"unauthorized"/);
        assert.ok(!answers[0]?.includes(KEY));
      }));

    test('compares no more than ten wrong keys a minute from one address, and then refuses even the right one', () =>
      withKey(async (host) => {
        const guess = (key: string, forwarded = '') =>
          ask(host, {
            headers: { 'x-api-key': key, ...(forwarded ? { 'x-forwarded-for': forwarded } : {}) },
          });
        for (let none = 0; none < 20; none++) assert.equal((await ask(host)).status, 401, 'no guess');
        for (let wrong = 0; wrong < 10; wrong++) {
          assert.equal((await guess(`guess-number-${wrong}`)).status, 401);
          if (wrong < 9) assert.equal((await guess(KEY)).status, 200, 'a right key in between costs nothing');
        }
        for (const key of ['guess-number-10', KEY]) {
          const { status, body, headers } = await guess(key, '198.51.100.7');
          assert.deepEqual([status, body['code']], [429, 'too_many_requests']);
          assert.ok(Number(headers['retry-after']) >= 1);
        }
      }));

    test('counts requests by address on a single machine, ignoring X-Forwarded-For', () =>
      withKey(
        async (host) => {
          const statuses: number[] = [];
          for (let times = 0; times < 8; times++) {
            const headers = { 'x-api-key': KEY, 'x-forwarded-for': `203.0.113.${times}` };
            statuses.push((await ask(host, { headers })).status);
          }
          assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
          assert.equal(statuses.at(-1), 429);
          const { headers, body } = await ask(host, { method: 'GET', path: '/nowhere' });
          assert.ok(Number(headers['retry-after']) >= 1);
          assert.match(String(body['detail']), /at most 5 requests a minute/);
        },
        { REQUESTS_PER_MINUTE: '5' },
      ));
  });
});
