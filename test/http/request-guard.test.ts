/** Which requests are accepted, over real HTTP at the single-machine host. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { HEADERS } from '../fixtures/hosts/security-headers.ts';
import { rawRequest } from '../fixtures/network/raw-request.ts';
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
      host = await startTestHost(dir.path);
    });
    after(() => host[Symbol.asyncDispose]());

    const own = () => new URL(host.url).origin;
    const site = (value: string) => ({ 'sec-fetch-site': value });
    const passing: readonly [who: string, headers: () => Record<string, string>][] = [
      ['no browser', () => ({})],
      ['a page of the service', () => ({ ...site('same-origin'), origin: own() })],
      ['a page of the service, in an old browser', () => ({ origin: own() })],
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

    test('refuses what a page of another site reads, embeds or frames', async () => {
      const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
      for (const from of ['cross-site', 'same-site', 'friend']) {
        for (const headers of [
          {},
          { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
          { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'document' },
          { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
          ...['iframe', 'frame', 'object', 'embed', 'fencedframe', 'empty', ''].map((dest) => ({
            ...link,
            'sec-fetch-dest': dest,
          })),
          { ...link, origin: 'https://evil.example' },
        ]) {
          const asked = { method: 'GET', path: NO_TASK, headers: { ...site(from), ...headers } } as const;
          const { status, body } = await ask(host, asked);
          assert.deepEqual([status, body['code']], [403, 'cross_site'], JSON.stringify(asked));
        }
      }
      const old = await ask(host, {
        method: 'GET',
        path: NO_TASK,
        headers: { origin: 'https://evil.example' },
      });
      assert.equal(old.status, 403, 'a browser that sends no Sec-Fetch-Site');
    });

    test('lets a person open an address by typing it, from a bookmark or by a link on another site', async () => {
      const link = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
      for (const from of ['none', 'same-origin', 'same-site', 'cross-site']) {
        const asked = { path: NO_TASK, headers: { ...site(from), ...link } };
        assert.equal((await ask(host, { method: 'GET', ...asked })).status, 404, from);
        if (from.endsWith('site')) assert.equal((await ask(host, asked)).status, 403, 'but send no form');
      }
      assert.equal((await ask(host, { method: 'GET', path: NO_TASK })).status, 404, 'no browser');
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
      assert.equal(
        (await ask(host, { headers: { host: `LOCALHOST:${new URL(host.url).port}` } })).status,
        200,
      );
    });

    test('refuses a request that names two hosts, or its host in an odd way', async () => {
      const { port } = new URL(host.url);
      const own = `127.0.0.1:${port}`;
      const heads: readonly [target: string, status: number, hosts: readonly string[]][] = [
        ['/', 200, [own]],
        [`http://${own}/`, 200, [own]],
        ['/', 421, [own, 'evil.example']],
        ['/', 421, ['evil.example', own]],
        ['/', 421, [own, own]],
        ['http://evil.example/', 421, [own]],
        ['http://evil.example/', 421, ['evil.example']],
        [`http://${own}/`, 421, ['evil.example']],
        [`http://${own}@evil.example/`, 421, [own]],
        ['/', 421, ['']],
        ['/', 421, [`evil@${own}`]],
        ['/', 421, [`${own}@evil.example`]],
        ['/', 421, [`${own}/evil`]],
        ['/', 421, [`${own}#`]],
        ['/', 421, [`127.0.0.1.:${port}x`]],
        ['/', 421, [`localhost.:${port}`]],
        // Node itself.
        ['/', 400, []],
      ];
      for (const [target, status, hosts] of heads) {
        const lines = [
          `GET ${target} HTTP/1.1`,
          ...hosts.map((name) => `Host: ${name}`),
          'Connection: close',
        ];
        const answer = await rawRequest(port, lines);
        assert.equal(answer.status, status, `${target} ${hosts}`);
        if (status === 421) assert.equal(answer.body['code'], 'wrong_host');
      }
    });

    test('logs each refusal with code and address, up to ten a minute', async () => {
      await using own = await tempDir();
      await using other = await startTestHost(own.path);
      for (let times = 0; times < 15; times++) await ask(other, { headers: { host: 'evil.example' } });
      const lines = other.logged('request.refused');
      assert.equal(lines.length, 10);
      assert.deepEqual([lines[0]?.['code'], lines[0]?.['address']], ['wrong_host', '127.0.0.1']);
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
        for (const [at, key] of near.entries()) {
          const headers = at % 2 === 0 ? { 'x-api-key': key } : { authorization: `Bearer ${key}` };
          assert.equal((await ask(host, { headers })).status, 401, key);
        }
      }));

    test('tells a client without a key nothing about tasks, paths or methods', () =>
      withKey(async (host) => {
        // The page is open, and asks for the key itself.
        const page = await request(`${host.url}/`);
        assert.equal(page.statusCode, 200);
        await page.body.dump();
        assert.equal((await ask(host, { path: '/', method: 'POST' })).status, 401);
        const answers: string[] = [];
        for (const path of [NO_TASK, `${NO_TASK}/renders`, '/nowhere', '/process_media']) {
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

    test('closes the connection of a refused request whose body it does not read', () =>
      withKey(async (host) => {
        const { port } = new URL(host.url);
        for (const body of ['Content-Length: 10000000', 'Transfer-Encoding: chunked']) {
          const head = ['POST /process_media HTTP/1.1', `Host: 127.0.0.1:${port}`, body];
          assert.equal((await rawRequest(port, head)).status, 401, 'and the connection ends');
        }
        const { headers } = await ask(host);
        assert.equal(headers['connection'], 'keep-alive', 'a short body arrives anyway');
      }));

    test('answers wrong keys of an address later and later, and the right one always at once', () =>
      withKey(async (host) => {
        const guess = (key: string, headers = {}) => ask(host, { headers: { 'x-api-key': key, ...headers } });
        for (let none = 0; none < 20; none++) assert.equal((await ask(host)).status, 401, 'no guess');
        for (let wrong = 0; wrong < 5; wrong++)
          assert.equal((await guess(`guess-number-${wrong}`)).status, 401);
        const began = performance.now();
        const delayed = guess('guess-number-5').then(({ status }) => [status, performance.now() - began]);
        // The address is told to wait, whatever it claims to be.
        let refused = await guess('guess-number-6', { 'x-forwarded-for': '198.51.100.7' });
        while (refused.status === 401) refused = await guess('guess-number-7');
        assert.deepEqual([refused.status, refused.body['code']], [429, 'too_many_requests']);
        assert.ok(Number(refused.headers['retry-after']) >= 1);
        for (let times = 0; times < 20; times++)
          assert.equal((await guess(KEY)).status, 200, 'the right key');
        const [status, took] = await delayed;
        assert.ok(status === 429 || (status === 401 && Number(took) >= 900), `${status} after ${took} ms`);
        const lockedOut = host.logged('request.locked_out');
        assert.deepEqual(
          lockedOut.map(({ address }) => address),
          ['127.0.0.1'],
        );
        assert.doesNotMatch(JSON.stringify(host.logged()), /guess-number/);
      }));

    test('lets no stranger use up the requests of those with the key at the same address', () =>
      withKey(
        async (host) => {
          for (let times = 0; times < 12; times++) await ask(host);
          assert.equal((await ask(host)).status, 429, 'a stranger');
          assert.equal((await ask(host, { headers: { 'x-api-key': KEY } })).status, 200);
        },
        { REQUESTS_PER_MINUTE: '5' },
      ));

    test('counts by the address that a trusted proxy saw, so that a forged one evades nothing', () =>
      withKey(
        async (host) => {
          const from = async (forwarded: string) =>
            (await ask(host, { headers: { 'x-api-key': KEY, 'x-forwarded-for': forwarded } })).status;
          const statuses: number[] = [];
          for (let made = 0; made < 8; made++) statuses.push(await from(`10.0.0.${made}, 203.0.113.9`));
          assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
          assert.equal(statuses.at(-1), 429);
          assert.equal(await from('203.0.113.9, 203.0.113.10'), 200, 'another caller');
        },
        { REQUESTS_PER_MINUTE: '5', TRUSTED_PROXIES: '1' },
      ));

    test('takes requests from pages at PUBLIC_URL, where browsers see it behind a proxy', () =>
      withKey(
        async (host) => {
          const from = async (origin: string) =>
            (await ask(host, { headers: { 'x-api-key': KEY, host: 'videos.example:8443', origin } })).status;
          assert.equal(await from('https://videos.example:8443'), 200);
          assert.equal(await from('https://videos.example'), 403, 'on another port');
        },
        { PUBLIC_URL: 'https://videos.example:8443/cut' },
      ));

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
          const asked = { method: 'GET', path: '/nowhere', headers: { 'x-api-key': KEY } } as const;
          const { headers, body } = await ask(host, asked);
          assert.ok(Number(headers['retry-after']) >= 1);
          assert.match(String(body['detail']), /at most 5 requests a minute/);
        },
        { REQUESTS_PER_MINUTE: '5' },
      ));
  });
});
