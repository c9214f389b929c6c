/** Headers by which clients poll, repeat, pace and look up their requests. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { duringRequest } from '../../functions/base/request-id.ts';
import { createRequestGuard } from '../../functions/http/request-guard.ts';
import { createApi } from '../../functions/http/router.ts';
import { useStages } from '../fixtures/hosts/stages.ts';
import { conforming } from '../fixtures/http/conforming.ts';

const BASE = 'http://127.0.0.1:8080';
const KEY = 'a-key-of-sixteen-characters';
const REQUEST = { task_name: 'spring sale', video_blocks: { a: ['https://h/1.mp4', 'https://h/2.mp4'] } };

describe('an answer', () => {
  const s = useStages();
  const ask = (path: string, init: RequestInit = {}, deps = s.deps) =>
    conforming(createApi(deps))(new Request(`${BASE}${path}`, init));
  const post = (path: string, body?: unknown) =>
    ask(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const start = async () => {
    const answer = await post('/process_media', REQUEST);
    const { status_url } = (await answer.json()) as { status_url: string };
    return { answer, url: status_url, path: new URL(status_url).pathname };
  };
  const tagged = (tag: string, method = 'GET') => ({ method, headers: { 'if-none-match': tag } });

  test('about work that goes on says where and when to ask', async () => {
    const { answer, url, path } = await start();
    const cancelling = {
      ...s.deps,
      leases: { ...s.deps.leases, read: async (keys: readonly string[]) => keys.map(() => 'held' as const) },
    };
    for (const accepted of [answer, await ask(`${path}/cancel`, { method: 'POST' }, cancelling)]) {
      assert.equal(accepted.status, 202);
      assert.equal(accepted.headers.get('location'), url);
      assert.equal(accepted.headers.get('retry-after'), '2');
    }
    assert.equal((await ask(path)).headers.get('retry-after'), '2');
  });

  test('about a task that has ended says nothing about asking again', async () => {
    const { path } = await start();
    const id = path.split('/').at(-1) as string;
    await s.deps.tasks.finish(id);
    for (const answer of [await ask(path), await post(`${path}/cancel`)]) {
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [200, null]);
    }
  });

  test('about a task is 304 for whoever has it, until something but the time has changed', async () => {
    const { path } = await start();
    for (const address of [path, `${path}/renders`]) {
      const first = await ask(address);
      const tag = first.headers.get('etag') as string;
      assert.match(tag, /^W\/"/);
      for (const method of ['GET', 'HEAD']) {
        const again = await ask(address, tagged(`"x", ${tag}`, method));
        assert.deepEqual([again.status, await again.text()], [304, '']);
        const { 'content-type': _, ...headers } = Object.fromEntries(first.headers);
        assert.deepEqual(Object.fromEntries(again.headers), headers, 'the same headers');
      }
      assert.equal((await ask(address, tagged('"x"'))).status, 200);
    }
    const later = { ...s.deps, now: () => Date.now() + 60_000 };
    const tag = (await ask(path)).headers.get('etag') as string;
    assert.equal((await ask(path, tagged(tag), later)).status, 304, 'a minute later');
    await post(`${path}/cancel`);
    assert.equal((await ask(path, tagged(tag))).status, 200);
  });

  test('to a change has no ETag, and takes no notice of one', async () => {
    const { path } = await start();
    const cancelled = await ask(`${path}/cancel`, { method: 'POST', headers: { 'if-none-match': '*' } });
    assert.ok(cancelled.status < 300);
    assert.equal(cancelled.headers.get('etag'), null);
  });

  test('to a request that fails unexpectedly names it by the id of the request, as the log does', async () => {
    const broken = {
      ...s.deps,
      tasks: { ...s.deps.tasks, get: () => Promise.reject(new Error('unexpected')) },
    };
    const answer = await duringRequest('mine-1', () => ask('/tasks/a', {}, broken));
    assert.match(((await answer.json()) as { detail: string }).detail, /\(mine-1\)/);
    const [line] = s.logged('request.failed');
    assert.equal(line?.['request_id'], 'mine-1');
  });

  describe('while a limit is set', () => {
    const limited = (requestsPerMinute: number) => ({
      ...s.deps,
      guard: createRequestGuard({
        apiKey: KEY,
        origins: ({ origin }) => [origin],
        clientAddressOf: () => 'caller',
        requestsPerMinute,
        log: s.deps.log,
        now: () => 0,
      }),
    });
    const fieldsOf = ({ headers }: Response) => [headers.get('ratelimit-policy'), headers.get('ratelimit')];

    test('says how much of it is left, also if it is an error', async () => {
      const deps = limited(3);
      const withKey = (path: string) => ask(path, { headers: { 'x-api-key': KEY } }, deps);
      const answers = [await withKey('/tasks/a'), await withKey('/nowhere'), await withKey('/tasks/a?x=1')];
      const policy = '"default";q=3;w=60';
      assert.deepEqual(answers.map(fieldsOf), [
        [policy, '"default";r=2;t=20'],
        [policy, '"default";r=1;t=20'],
        [policy, '"default";r=0;t=20'],
      ]);
      const refused = await withKey('/tasks/a');
      assert.equal(refused.status, 429);
      assert.deepEqual(fieldsOf(refused), [policy, '"default";r=0;t=20']);
      assert.equal(refused.headers.get('retry-after'), '20');
    });

    test('tells strangers nothing about the requests of those with the key', async () => {
      const deps = limited(100);
      for (let times = 0; times < 10; times++) await ask('/tasks/a', { headers: { 'x-api-key': KEY } }, deps);
      for (const headers of [{}, { 'x-api-key': 'another-key-of-16' }] as Record<string, string>[]) {
        const refused = await ask('/tasks/a', { headers }, deps);
        assert.equal(refused.status, 401);
        assert.match(String(refused.headers.get('ratelimit')), /r=9[89];/);
      }
      const leftAt = async (path: string, headers: Record<string, string> = {}) =>
        /r=(\d+);/.exec(String((await ask(path, { headers }, deps)).headers.get('ratelimit')))?.[1];
      assert.equal(await leftAt('/docs'), '97', 'open addresses count as for strangers');
      assert.equal(await leftAt('/healthz'), '99', 'whoever watches the service is counted apart');
      assert.equal(await leftAt('/readyz'), '98');
      assert.equal(await leftAt('/docs', { 'x-api-key': KEY }), '89', 'with the key, as its holder');
      assert.equal(await leftAt('/healthz', { 'x-api-key': KEY }), '88');
    });

    test('no open address tells more about a guessed key than any other', async () => {
      const deps = limited(100);
      const guess = { headers: { 'x-api-key': 'another-key-of-16' } };
      const gone = { ...guess, signal: AbortSignal.abort() };
      for (let times = 0; times < 6; times++) assert.equal((await ask('/healthz', gone, deps)).status, 200);
      assert.equal((await ask('/healthz', guess, deps)).status, 429);
      assert.equal((await ask('/healthz', {}, deps)).status, 200, 'a probe at the same address');
    });

    test('and only then', async () => {
      assert.deepEqual(fieldsOf(await ask('/tasks/a')), [null, null]);
    });
  });
});
