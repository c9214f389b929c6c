/** Tokens that stand in for the API key where a browser cannot send one: on the files of one task, for a while. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ApiDeps, createApi } from '../../functions/http/router.ts';
import type { AccessView } from '../../functions/model/answers/access.ts';
import type { Task } from '../../functions/model/task.ts';
import { sampleReport, sampleTask } from '../contracts/samples.ts';
import { startTestApi, type TestApi } from '../fixtures/http/api.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const BASE = 'http://127.0.0.1:8080';
const KEY = 'a-key-of-sixteen-characters';
const HOUR_MS = 3_600_000;
const VIDEO = 'not really a video';
const FILES = ['/renders/1/video', '/manifest.json', '/manifest.csv', '/manifest.zip'];

/** An ended task with one video. */
async function finishedTask({ deps }: TestApi, dir: TempDir): Promise<Task> {
  const signal = new AbortController().signal;
  const folder = await deps.outputs.createFolder('ads', signal);
  const task: Task = { ...sampleTask({ combinations: 1 }), folder };
  await deps.tasks.create(task);
  const file = join(dir.path, 'video.mp4');
  await writeFile(file, VIDEO);
  const owner = { taskId: task.id, isCurrent: async () => true };
  const saved = await deps.outputs.save(folder, '1.mp4', file, signal, owner);
  await deps.reports.report(task.id, sampleReport(1, { fileName: '1.mp4', ...saved }));
  await deps.tasks.finish(task.id);
  return task;
}

/** Requests that are held against the description, each as of the task. */
function callerOf(deps: ApiDeps, task: Task) {
  const api = conforming(createApi(deps));
  return (path: string, init: RequestInit = {}) => api(new Request(`${BASE}/tasks/${task.id}${path}`, init));
}

const withKey = { headers: { 'x-api-key': KEY } };

async function tokenFor(deps: ApiDeps, task: Task, now = Date.now()): Promise<AccessView> {
  const answer = await callerOf({ ...deps, now: () => now }, task)('/access', { method: 'POST', ...withKey });
  assert.equal(answer.status, 201);
  return (await answer.json()) as AccessView;
}

async function problemOf(answer: Response) {
  const { code, detail, hint } = (await answer.json()) as Record<string, string>;
  return { status: answer.status, code, detail: String(detail), hint: String(hint) };
}

describe('an access token', () => {
  let dir: TempDir;
  let service: TestApi;
  let task: Task;
  let other: Task;
  let ask: ReturnType<typeof callerOf>;
  before(async () => {
    dir = await tempDir();
    service = await startTestApi({ API_KEY: KEY });
    task = await finishedTask(service, dir);
    other = await finishedTask(service, dir);
    ask = callerOf(service.deps, task);
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  test('is given for the key alone, for a task that there is', async () => {
    assert.equal((await ask('/access', { method: 'POST' })).status, 401);
    const unknown = callerOf(service.deps, { ...task, id: 'unknown' });
    assert.equal((await unknown('/access', { method: 'POST', ...withKey })).status, 404);
    const now = Date.parse('2026-11-30T09:00:00.400Z');
    const { token, expires_at } = await tokenFor(service.deps, task, now);
    assert.equal(expires_at, '2026-11-30T21:00:00.000Z', 'twelve hours later');
    assert.equal(encodeURIComponent(token), token, 'it can be put into an address as it is');
  });

  test('reads the files of its task without the key, whole, in parts and by HEAD', async () => {
    const { token } = await tokenFor(service.deps, task);
    for (const path of FILES) {
      assert.equal((await ask(path)).status, 401, path);
      const answer = await ask(`${path}?access=${token}`);
      assert.equal(answer.status, 200, path);
      assert.ok((await answer.arrayBuffer()).byteLength > 0);
      assert.equal((await ask(`${path}?access=${token}`, { method: 'HEAD' })).status, 200, path);
    }
    const part = await ask(`${FILES[0]}?access=${token}`, { headers: { range: 'bytes=4-9' } });
    assert.deepEqual([part.status, await part.text()], [206, VIDEO.slice(4, 10)]);
  });

  test('reads nothing else and changes nothing', async () => {
    const { token } = await tokenFor(service.deps, task);
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/renders'],
      ['GET', '/renders/1'],
      ['DELETE', ''],
      ['DELETE', '/renders/1/video'],
      ['POST', '/cancel'],
      ['POST', '/access'],
    ] as const) {
      const answer = await ask(`${path}?access=${token}`, { method });
      assert.equal(answer.status, 401, `${method} ${path}`);
    }
  });

  test('of another task, a changed and an expired one are refused, with the key or without', async () => {
    const now = Date.now();
    const { token } = await tokenFor(service.deps, task, now);
    const [expires = '', signature = ''] = token.split('.');
    const old = await tokenFor(service.deps, task, now - 12 * HOUR_MS - 1_000);
    const wrong: readonly [string, string, RegExp][] = [
      ['of another task', (await tokenFor(service.deps, other, now)).token, /for this task, got another one/],
      ['with more time', `${Number(expires) + 1}.${signature}`, /got another one/],
      [
        'with another signature',
        `${expires}.${signature.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))}`,
        /another/,
      ],
      ['in part', token.slice(0, -1), /got another one/],
      ['expired', old.token, /got one that expired on \d{4}-.*Z\.$/],
      ['the key', KEY, /got another one/],
      ['nothing', '', /got none/],
    ];
    for (const [what, access, detail] of wrong) {
      for (const path of FILES) {
        for (const init of [{}, withKey]) {
          const problem = await problemOf(await ask(`${path}?access=${encodeURIComponent(access)}`, init));
          assert.deepEqual([problem.status, problem.code], [403, 'access_forbidden'], `${what}, ${path}`);
          assert.match(problem.detail, detail, what);
          assert.match(problem.hint, /POST \/tasks\/\{task_id\}\/access/);
          if (access !== '') assert.ok(!JSON.stringify(problem).includes(access), 'which is not repeated');
        }
      }
    }
    const twice = await problemOf(await ask(`${FILES[0]}?access=${token}&access=${token}`));
    assert.deepEqual([twice.status, twice.code], [422, 'invalid_request']);
    assert.ok(!twice.detail.includes(token));
  });

  test('of a service with another signing key is refused', async () => {
    const { token } = await tokenFor(service.deps, task);
    await using elsewhere = await startTestApi({ API_KEY: KEY });
    await elsewhere.deps.tasks.create(task);
    const there = callerOf(elsewhere.deps, task);
    assert.equal((await there(`/manifest.json?access=${token}`)).status, 403);
  });

  test('works for a service without a key, too', async () => {
    await using open = await startTestApi();
    const free = await finishedTask(open, dir);
    const { token } = await tokenFor(open.deps, free);
    const get = callerOf(open.deps, free);
    assert.equal((await get(`${FILES[0]}?access=${token}`)).status, 200);
    assert.equal((await get(FILES[0] as string)).status, 200);
    assert.equal((await problemOf(await get(`${FILES[0]}?access=x`))).code, 'access_forbidden');
  });
});

describe('requests with an access token', () => {
  test('are counted apart: strangers use up nothing of theirs, and they nothing of the key', async () => {
    await using dir = await tempDir();
    await using service = await startTestApi({ API_KEY: KEY, REQUESTS_PER_MINUTE: '40' });
    const task = await finishedTask(service, dir);
    const ask = callerOf(service.deps, task);
    const { token } = await tokenFor(service.deps, task);
    const file = `${FILES[0]}?access=${token}`;
    let last = 0;
    for (let sent = 0; last !== 429; sent++) {
      last = (await ask(`${FILES[0]}?access=guess`)).status;
      assert.ok(sent <= 41, 'wrong tokens are limited like strangers');
    }
    assert.equal((await ask(FILES[0] as string)).status, 429, 'whom they are counted with');
    // A page that plays thirty videos.
    for (let tile = 0; tile < 30; tile++) assert.equal((await ask(file)).status, 200);
    const [, left = ''] = /r=(\d+)/.exec((await ask('', withKey)).headers.get('ratelimit') ?? '') ?? [];
    assert.ok(Number(left) >= 38, `the key has ${left} left of 40, of which two were asked`);
    last = 0;
    for (let sent = 0; last !== 429; sent++) {
      last = (await ask(file)).status;
      assert.ok(sent <= 41, 'right ones are limited, too');
    }
    assert.equal((await ask('', withKey)).status, 200);
    assert.equal((await ask(file, withKey)).status, 200, 'with both, the key counts');
  });
});
