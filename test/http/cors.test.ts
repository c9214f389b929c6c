/** Pages of other sites, as browsers send their requests, against the whole interface. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { createRequestGuard } from '../../functions/http/request-guard.ts';
import { type ApiDeps, createApi } from '../../functions/http/router.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { conforming } from '../fixtures/http/conforming.ts';

const BASE = 'http://127.0.0.1:8080';
const KEY = 'a-key-of-sixteen-characters';
const STUDIO = 'https://studio.example';
const LISTED = [STUDIO, 'http://localhost:5173'];
const NO_TASK = '/tasks/00000000-0000-4000-8000-000000000000';

const describedApi = (deps: ApiDeps) => conforming(createApi(deps));

interface Options {
  listed?: readonly string[];
  apiKey?: string;
  perMinute?: number;
}

function apiOf({ listed = LISTED, apiKey, perMinute = Number.POSITIVE_INFINITY }: Options = {}) {
  const log = createLog({ level: 'error', pretty: false, write: () => {} });
  const guard = createRequestGuard({
    apiKey,
    hosts: apiKey === undefined ? (name) => name === '127.0.0.1' : undefined,
    origins: ({ origin }) => [origin],
    corsOrigins: listed,
    clientAddressOf: () => 'caller',
    requestsPerMinute: perMinute,
    log,
  });
  const tasks = {
    get: async (id: string) => {
      if (id === 'broken') throw new Error('unexpected');
      return undefined;
    },
    progress: async () => undefined,
  } as unknown as TaskStore;
  const run = <T>(_what: string, work: () => Promise<T>) => work();
  const api = describedApi({
    log,
    guard,
    tasks,
    run,
    baseUrl: () => BASE,
    corsOrigins: listed,
    readiness: async () => ({ status: 'ready', checks: {} }),
  } as unknown as ApiDeps);
  return (method: string, path: string, headers: Record<string, string> = {}) =>
    api(new Request(`${BASE}${path}`, { method, headers }));
}

const from = (origin: string, site = 'cross-site') => ({ origin, 'sec-fetch-site': site });
const preflight = (origin: string) => ({
  ...from(origin),
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'content-type, x-api-key',
});
const corsOf = ({ headers }: Response) =>
  [...headers].filter(([name]) => /^(access-control-.*|vary|cross-origin-resource-policy)$/.test(name));

describe('a page of a listed origin', () => {
  test('may read every answer, also errors and those of the guard', async () => {
    const cases: [status: number, method: string, path: string, options?: Options][] = [
      [200, 'GET', '/healthz'],
      [404, 'GET', NO_TASK],
      [404, 'GET', '/nowhere'],
      [405, 'PUT', NO_TASK],
      [415, 'POST', '/process_media'],
      [414, 'GET', `/${'a'.repeat(9_000)}`],
      [422, 'GET', '/healthz?a=1'],
      [500, 'GET', '/tasks/broken'],
      [401, 'GET', NO_TASK, { apiKey: KEY }],
    ];
    for (const [status, method, path, options] of cases) {
      for (const site of ['cross-site', 'same-site']) {
        const answer = await apiOf(options)(method, path, from(STUDIO, site));
        assert.equal(answer.status, status, path);
        const cors = Object.fromEntries(corsOf(answer));
        assert.equal(cors['access-control-allow-origin'], STUDIO, path);
        assert.equal(cors['vary'], 'Origin', path);
        assert.equal(cors['cross-origin-resource-policy'], 'cross-origin', path);
        for (const name of [
          'Location',
          'Retry-After',
          'X-Request-Id',
          'RateLimit',
          'ETag',
          'Content-Range',
        ]) {
          assert.ok(cors['access-control-expose-headers']?.split(', ').includes(name), name);
        }
        assert.equal(cors['access-control-allow-credentials'], undefined);
      }
    }
    const limited = apiOf({ perMinute: 1 });
    await limited('GET', '/healthz', from(STUDIO));
    const refused = await limited('GET', '/healthz', from(STUDIO));
    assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [429, STUDIO]);
    const misnamed = await apiOf()('GET', '/healthz', { ...from(STUDIO), host: 'evil.example' });
    assert.deepEqual([misnamed.status, misnamed.headers.get('access-control-allow-origin')], [421, STUDIO]);
  });

  test('gets its preflight approved without a key, for any path alike', async () => {
    const answers = new Set<string>();
    for (const path of ['/process_media', NO_TASK, `${NO_TASK}/cancel`, '/nowhere', '/']) {
      const answer = await apiOf({ apiKey: KEY })('OPTIONS', path, preflight(STUDIO));
      assert.equal(answer.status, 204);
      assert.equal(answer.body, null);
      answers.add(JSON.stringify([...answer.headers]));
    }
    assert.equal(answers.size, 1, 'who has no key learns no paths');
    const { headers } = await apiOf()('OPTIONS', '/process_media', preflight(STUDIO));
    assert.equal(headers.get('access-control-allow-origin'), STUDIO);
    for (const method of ['GET', 'HEAD', 'POST']) {
      assert.ok(headers.get('access-control-allow-methods')?.split(', ').includes(method), method);
    }
    assert.deepEqual(headers.get('access-control-allow-headers')?.split(', '), [
      'content-type',
      'x-api-key',
      'authorization',
      'idempotency-key',
      'if-none-match',
      'if-modified-since',
      'range',
      'if-range',
      'x-request-id',
      'mcp-protocol-version',
      'mcp-method',
      'mcp-name',
      'mcp-session-id',
      'last-event-id',
    ]);
    assert.ok(Number(headers.get('access-control-max-age')) > 0);
    assert.equal(headers.get('access-control-allow-credentials'), null);
  });

  test('has its preflights counted, apart from the requests of those with the key', async () => {
    const ask = apiOf({ apiKey: KEY, perMinute: 3 });
    const statuses: number[] = [];
    for (let times = 0; times < 5; times++) {
      statuses.push((await ask('OPTIONS', NO_TASK, preflight(STUDIO))).status);
    }
    assert.deepEqual(statuses, [204, 204, 204, 429, 429]);
    assert.equal((await ask('GET', NO_TASK, { ...from(STUDIO), 'x-api-key': KEY })).status, 404);
    assert.equal(
      (await ask('GET', '/healthz')).status,
      200,
      'nor do they keep out whoever watches the service',
    );
  });

  test('needs the key like everyone, and the name of this machine where there is none', async () => {
    assert.equal((await apiOf({ apiKey: KEY })('GET', NO_TASK, from(STUDIO))).status, 401);
    const rebound = { ...preflight(STUDIO), host: 'evil.example' };
    assert.equal((await apiOf()('OPTIONS', NO_TASK, rebound)).status, 421);
  });
});

describe('a page of any other origin', () => {
  const OTHERS = [
    'https://evil.example',
    'http://studio.example',
    'https://studio.example:8443',
    'https://studio.example.evil.example',
    'https://STUDIO.example',
    'http://localhost:5174',
    'null',
    '',
    '*',
  ];

  test('gets exactly what it gets where no origin is listed', async () => {
    for (const origin of OTHERS) {
      for (const headers of [from(origin), preflight(origin), { origin }]) {
        for (const [method, path] of [
          ['GET', NO_TASK],
          ['POST', '/process_media'],
          ['OPTIONS', '/process_media'],
          ['OPTIONS', '/nowhere'],
        ] as const) {
          const [open, shut] = await Promise.all(
            [LISTED, []].map((listed) => apiOf({ listed })(method, path, headers)),
          );
          assert.equal(open?.headers.get('vary'), 'Origin', 'no cache gives it to a listed page');
          assert.deepEqual(
            [open?.status, [...open.headers].filter(([name]) => name !== 'vary')],
            [shut?.status, [...(shut?.headers ?? [])]],
          );
          assert.equal(await open?.text(), await shut?.text());
          assert.ok((open?.status ?? 0) >= 400);
          assert.deepEqual(corsOf(open), [['vary', 'Origin']]);
        }
      }
    }
  });

  test('gets no use of the word Origin from a request without one, but caches are told', async () => {
    assert.deepEqual(corsOf(await apiOf()('GET', NO_TASK)), [['vary', 'Origin']]);
    assert.deepEqual(corsOf(await apiOf({ listed: [] })('GET', NO_TASK)), []);
    const embedded = await apiOf()('GET', NO_TASK, {
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'no-cors',
    });
    assert.equal(embedded.status, 403, 'an image of a listed page, which names no origin');
  });
});
