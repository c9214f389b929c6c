import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createDiskOutputs } from '../../functions/adapters/disk/outputs.ts';
import { createDiskUploads } from '../../functions/adapters/disk/uploads.ts';
import { createSqliteAttempts } from '../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../functions/adapters/sqlite/leases.ts';
import { createSqlitePins } from '../../functions/adapters/sqlite/pins.ts';
import { createSqliteProblems } from '../../functions/adapters/sqlite/problems.ts';
import { createSqliteQueue, type SqliteQueue } from '../../functions/adapters/sqlite/queue.ts';
import { createSqliteReports } from '../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../functions/adapters/sqlite/tasks.ts';
import { createSqliteWebhooks } from '../../functions/adapters/sqlite/webhooks.ts';
import { CODES } from '../../functions/base/codes.ts';
import { RequestError, TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { createProblems } from '../../functions/coordination/problems.ts';
import { STATS } from '../../functions/http/examples.ts';
import { createRequestGuard, type RequestGuardOptions } from '../../functions/http/request-guard.ts';
import { type ApiDeps, createApi } from '../../functions/http/router.ts';
import type { Claim, Task } from '../../functions/model/task.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';
import type { ReportStore } from '../../functions/ports/reports.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { NO_PRICES } from '../contracts/samples.ts';
import { conforming } from '../fixtures/http/conforming.ts';
import { NO_VOICES } from '../fixtures/http/no-voices.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';
import { SEAL } from '../fixtures/system/seal.ts';

const BASE = 'http://127.0.0.1:8080';
const silentLog = createLog({ level: 'error', pretty: false, write: () => {} });
const KEY = 'a-key-of-sixteen-characters';
const REQUEST = {
  task_name: 'spring sale',
  video_blocks: { a: ['https://h/1.mp4', 'https://h/2.mp4'], b: ['https://h/3.mp4'] },
  audio_blocks: { m: ['https://h/m.mp3'] },
  text_to_speach: [{ text: 'Hello', voice: 'Sarah' }],
};

/** Each answer is held against the description. */
const describedApi = (deps: ApiDeps) => conforming(createApi(deps));

const guardOf = (options: Partial<RequestGuardOptions> = {}) =>
  createRequestGuard({
    apiKey: undefined,
    origins: ({ origin }) => [origin],
    clientAddressOf: () => 'caller',
    requestsPerMinute: Number.POSITIVE_INFINITY,
    log: silentLog,
    ...options,
  });

describe('the HTTP interface', () => {
  let dir: string;
  let database: Database;
  let queue: SqliteQueue;
  let tasks: TaskStore;
  let reports: ReportStore;
  let api: (request: Request) => Promise<Response>;
  let guarded: typeof api;
  let deps: ApiDeps;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'api-'));
    database = openDatabase(join(dir, 'test.sqlite'));
    queue = createSqliteQueue({ database });
    tasks = createSqliteTasks({ database, seal: SEAL });
    reports = createSqliteReports({ database, seal: SEAL });
    deps = {
      tasks,
      reports,
      leases: createSqliteLeases({ database }),
      attempts: createSqliteAttempts({ database }),
      pins: createSqlitePins({ database }),
      problems: createProblems({ store: createSqliteProblems({ database }) }),
      webhooks: createSqliteWebhooks({ database, seal: SEAL }),
      queue,
      outputs: createDiskOutputs({ dir: join(dir, 'output') }),
      speech: { notice: 'An offline voice speaks.', timed: true },
      prices: NO_PRICES,
      log: silentLog,
      uploads: createDiskUploads({ dir: join(dir, 'uploads'), seal: SEAL, maxBytes: 2 ** 30 }),
      maxUploadBytes: 2 ** 30,
      storageOrigins: [],
      limits: { combinations: 1000, sources: { buckets: [], ownBuckets: [] } },
      run: (_what, work) => work(),
      baseUrl: () => BASE,
      seal: SEAL,
      guard: guardOf(),
      canBurn: async () => true,
      readiness: async () => ({ status: 'ready', checks: {} }),
      stats: async () => STATS,
      settings: [],
      voices: NO_VOICES,
    };
    api = describedApi(deps);
    guarded = describedApi({ ...deps, guard: guardOf({ apiKey: KEY }) });
  });

  after(async () => {
    database.close();
    await rm(dir, { recursive: true, force: true });
  });

  function post(body: unknown, { path = '/process_media', headers = {}, raw = false } = {}): Request {
    return new Request(`${BASE}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: raw ? (body as string) : JSON.stringify(body),
    });
  }

  async function problem(response: Response, status: number): Promise<Record<string, unknown>> {
    assert.equal(response.status, status);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    const body = (await response.json()) as Record<string, unknown>;
    assert.equal(body['status'], status);
    assert.ok(body['hint'], 'says what to do');
    assert.doesNotMatch(JSON.stringify(body), /\.ts|at file:|node_modules|\/tmp\//, 'no stack, no path');
    return body;
  }

  for (const path of ['/process_media', '/process_media/', '/']) {
    test(`POST ${path} accepts a request`, async () => {
      const response = await api(post(REQUEST, { path }));
      assert.equal(response.status, 202);
      const body = (await response.json()) as Record<string, unknown>;
      const { task_id: id, status_url: url, seed, ...rest } = body;
      assert.match(String(id), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert.equal(url, `${BASE}/tasks/${id}`);
      assert.ok(Number.isInteger(seed));
      assert.deepEqual(rest, {
        task_name: 'spring sale',
        combinations: 2,
        links: {
          self: url,
          renders: `${url}/renders`,
          manifest: `${url}/manifest.json`,
          cancel: `${url}/cancel`,
          retry: `${url}/retry`,
        },
        warnings: ['An offline voice speaks.'],
      });
    });
  }

  test('publishes one message per source and one per combination', async () => {
    const before = queue.counts();
    await api(post(REQUEST));
    const now = queue.counts();
    assert.equal(now.prepare.waiting - before.prepare.waiting, 5);
    assert.equal(now.render.waiting - before.render.waiting, 2);
  });

  test('a dry run returns the plan and creates nothing', async () => {
    const before = queue.counts();
    const response = await api(post({ ...REQUEST, task_name: 'dry', dry_run: true, seed: 7 }));
    assert.equal(response.status, 200);
    const body = (await response.json()) as { renders: unknown[]; seed: number };
    assert.equal(body.seed, 7);
    assert.deepEqual(body.renders[0], {
      index: 1,
      combination: 1,
      format: null,
      language: null,
      group: null,
      clips: ['https://h/1.mp4', 'https://h/3.mp4'],
      track: 'https://h/m.mp3',
      voice: 'Sarah',
      text: 'Hello',
      clip_names: ['1', '3'],
      track_name: 'm',
    });
    assert.deepEqual(queue.counts(), before);
    await assert.rejects(stat(join(dir, 'output', 'dry')), { code: 'ENOENT' });
  });

  test('tracks and lines that no video uses are not prepared, and a warning says so', async () => {
    const [hello] = REQUEST.text_to_speach;
    const request = {
      ...REQUEST,
      audio_blocks: { music: ['a', 'b', 'c'].map((name) => `https://h/${name}.mp3`) },
      text_to_speach: [hello, ...['two', 'three', 'four', 'five'].map((text) => ({ ...hello, text }))],
    };
    const before = queue.counts();
    const { warnings } = (await (await api(post(request))).json()) as { warnings: string[] };
    assert.equal(queue.counts().prepare.waiting - before.prepare.waiting, 3 + 2 + 2);
    const leftOver = (texts: string[]) => texts.filter((text) => text.includes('only as many'));
    assert.deepEqual(leftOver(warnings), [
      'Of 3 tracks, only as many are used as there are combinations of clips: 2.',
      'Of 5 lines, only as many are used as there are combinations of clips: 2.',
    ]);
    // The same line once more, with its fields in another order, is as many as there are videos.
    const same = [hello, { voice: hello?.voice, text: hello?.text }];
    const dry = {
      ...REQUEST,
      audio_blocks: { music: ['https://h/a.mp3'] },
      text_to_speach: same,
      dry_run: true,
    };
    assert.deepEqual(
      leftOver(((await (await api(post(dry))).json()) as { warnings: string[] }).warnings),
      [],
    );
  });

  test('burned captions that need hundreds of clips to be encoded again get a warning with their number', async () => {
    const clips = (name: string, count: number) =>
      Array.from({ length: count }, (_, at) => `https://h/${name}${at}.mp4`);
    const request = (lines: number, more: object) => ({
      ...REQUEST,
      video_blocks: { a: clips('a', 4), b: clips('b', 5) },
      text_to_speach: Array.from({ length: lines }, (_, at) => ({ text: `Line ${at}`, voice: 'Sarah' })),
      selection: { lines: 'each' },
      captions: { mode: 'burn' },
      dry_run: true,
      ...more,
    });
    const encodes = async (lines: number, more = {}) => {
      const { warnings } = (await (await api(post(request(lines, more)))).json()) as { warnings: string[] };
      return warnings.filter((text) => text.includes('encoded'));
    };
    // Each of four clips comes first, and each of five after each of them: with eight lines 8 * (4 + 4 * 5).
    assert.deepEqual(await encodes(8), []);
    assert.deepEqual(await encodes(9), [
      'Burned captions may need clips to be encoded up to 216 more times: once for each line that is heard over a clip, and for ' +
        'each place where it stands. Fewer lines or clips, or selection.lines "random", need fewer; captions of mode "srt" or ' +
        '"track" need none.',
    ]);
    const formats = { formats: ['9x16', '1x1'] };
    assert.match((await encodes(5, { output: formats }))[0] as string, /up to 240 more times/);
    assert.deepEqual(await encodes(9, { captions: { mode: 'srt' } }), []);
    const accepted = await api(post(request(9, { dry_run: false })));
    assert.equal(accepted.status, 202);
    const { warnings } = (await accepted.json()) as { warnings: string[] };
    assert.equal(warnings.filter((text) => text.includes('up to 216 more times')).length, 1);
  });

  test('every refusal is a problem document', async () => {
    const json = { 'content-type': 'application/json' };
    await problem(await api(post('{"task_name":', { raw: true })), 400);
    await problem(await api(post('', { raw: true })), 400);
    await problem(
      await api(
        new Request(`${BASE}/process_media`, {
          method: 'POST',
          headers: json,
          body: new Uint8Array([0xff, 0xfe]),
        }),
      ),
      400,
    );
    await problem(await api(post(REQUEST, { headers: { 'content-type': 'text/plain' } })), 415);
    await problem(await api(post({ ...REQUEST, metadata: { pad: 'x'.repeat(256 * 1024) } })), 413);
    await problem(await api(new Request(`${BASE}/elsewhere`)), 404);
    await problem(await api(new Request(`${BASE}/tasks/00000000-0000-4000-8000-000000000000`)), 404);
    await problem(await api(new Request(`${BASE}/tasks/abc`)), 404);
    const wrongMethod = await api(new Request(`${BASE}/process_media`));
    assert.equal(wrongMethod.headers.get('allow'), 'POST');
    await problem(wrongMethod, 405);
    const body = await problem(await api(post({ task_name: '' })), 422);
    assert.deepEqual((body['errors'] as { pointer: string }[]).map(({ pointer }) => pointer).sort(), [
      '/task_name',
      '/video_blocks',
    ]);
  });

  describe('an Idempotency-Key', () => {
    const keyed = (key: string, body: unknown = REQUEST) =>
      api(post(body, { headers: { 'idempotency-key': key } }));
    const answerOf = async (response: Promise<Response>) => {
      const { status, headers } = await response;
      return { status, replayed: headers.get('idempotency-replayed'), body: await (await response).text() };
    };
    const waiting = () => queue.counts().render.waiting;

    test('gives the same request the same response, and creates nothing twice', async () => {
      const first = await answerOf(keyed('same'));
      const published = waiting();
      const second = await answerOf(keyed('same'));
      assert.deepEqual([first.status, first.replayed], [202, null]);
      assert.deepEqual([second.status, second.replayed], [202, 'true']);
      assert.equal(second.body, first.body);
      assert.equal(waiting(), published);
    });

    test('creates one task for ten concurrent requests', async () => {
      const before = waiting();
      const answers = await Promise.all(Array.from({ length: 10 }, () => answerOf(keyed('ten'))));
      assert.equal(new Set(answers.map(({ body }) => body)).size, 1);
      assert.equal(answers.filter(({ replayed }) => replayed === null).length, 1);
      assert.equal(waiting() - before, 2);
    });

    test('refuses a different request without naming the task of the first, and distinguishes keys', async () => {
      const first = JSON.parse((await answerOf(keyed('mine'))).body) as { task_id: string };
      const body = await problem(await keyed('mine', { ...REQUEST, seed: 5 }), 422);
      assert.equal(body['code'], 'key_reused');
      assert.ok(!JSON.stringify(body).includes(first.task_id), 'whoever guesses a key learns no id');
      const other = JSON.parse((await answerOf(keyed('Mine'))).body) as { task_id: string };
      assert.notEqual(other.task_id, first.task_id);
    });

    describe('knows the same request', () => {
      const whole = {
        ...REQUEST,
        output: { width: 1080, height: 1920, fit: 'contain', background: '#ABCDEF' },
        audio: { original_volume: 1, duck: true },
        metadata: { b: [1, { y: 'ä', x: null }], a: 2 },
      };
      const send = (key: string, body: string) =>
        answerOf(
          api(
            new Request(`${BASE}/process_media`, {
              method: 'POST',
              headers: { 'content-type': 'application/json', 'idempotency-key': key },
              body,
            }),
          ),
        );
      const backwards = (value: unknown): unknown =>
        Array.isArray(value)
          ? value.map(backwards)
          : typeof value === 'object' && value !== null
            ? Object.fromEntries(
                Object.entries(value)
                  .toReversed()
                  .map(([name, inner]) => [name, backwards(inner)]),
              )
            : value;
      const { text_to_speach: lines, ...rest } = whole;
      const text = JSON.stringify(whole);
      const same: Record<string, string> = {
        'with its fields in another order': JSON.stringify({
          ...(backwards(whole) as object),
          // The order of blocks is a choice.
          video_blocks: whole.video_blocks,
        }),
        'with other spaces': JSON.stringify(whole, undefined, 3),
        'with 1.0 for 1': text.replace('"original_volume":1', '"original_volume":1.0'),
        'with 108e1 for 1080': text.replace('1080', '108e1'),
        'with escaped characters': text.replaceAll('ä', '\\u00e4').replaceAll('/', '\\/'),
        'with its blocks as a list': JSON.stringify({
          ...whole,
          video_blocks: Object.entries(whole.video_blocks).map(([name, urls]) => ({ urls, name })),
        }),
        'with the other spelling of text_to_speech': JSON.stringify({ ...rest, text_to_speech: lines }),
        'with defaults written out': JSON.stringify({
          ...whole,
          output: { ...whole.output, still_seconds: 3 },
          audio: { ...whole.audio, voice_offset_seconds: 0 },
          dry_run: false,
        }),
        'without a value that is the default': text.replace('"fit":"contain",', ''),
        'with a colour in other letters': text.replace('#ABCDEF', '#abcdef'),
      };
      for (const [how, body] of Object.entries(same)) {
        test(how, async () => {
          const key = how.replaceAll(' ', '-');
          const first = await send(key, text);
          assert.notEqual(body, text);
          assert.deepEqual(await send(key, body), { ...first, replayed: 'true' });
        });
      }

      const [a, b] = Object.entries(whole.video_blocks);
      const other: Record<string, unknown> = {
        'blocks in another order': {
          ...whole,
          video_blocks: Object.fromEntries([b, a] as [string, unknown][]),
        },
        'clips in another order': {
          ...whole,
          video_blocks: { ...whole.video_blocks, a: whole.video_blocks.a.toReversed() },
        },
        'a list in the metadata in another order': {
          ...whole,
          metadata: { ...whole.metadata, b: whole.metadata.b.toReversed() },
        },
        'a seed': { ...whole, seed: 1 },
        'metadata with one more field': { ...whole, metadata: { ...whole.metadata, c: null } },
      };
      for (const [what, body] of Object.entries(other)) {
        test(`and another one by ${what}`, async () => {
          const key = what.replaceAll(' ', '-');
          await send(key, text);
          const { status, body: answer } = await send(key, JSON.stringify(body));
          assert.deepEqual([status, /key_reused/.test(answer)], [422, true]);
        });
      }

      test('if its metadata holds what strict canonical JSON refuses', async () => {
        const odd = text.replace('"a":2', '"a":"\\ud800","z":1e400');
        const first = await send('odd', odd);
        assert.equal(first.status, 202);
        assert.equal((await send('odd', odd)).replayed, 'true');
      });
    });

    test('is free again after a refused request, and is not used up by a dry run', async () => {
      await problem(await keyed('later', { ...REQUEST, task_name: '' }), 422);
      assert.equal((await keyed('later', { ...REQUEST, dry_run: true })).status, 200);
      assert.equal((await answerOf(keyed('later'))).replayed, null);
    });

    test('is kept for 24 hours', async () => {
      const kept: unknown[] = [];
      const watched = {
        ...tasks,
        create: (task: Task, claim?: Claim) => {
          kept.push(claim?.ttlMs);
          return tasks.create(task, claim);
        },
      };
      const watching = describedApi({ ...deps, tasks: watched });
      await watching(post(REQUEST, { headers: { 'idempotency-key': 'a-day' } }));
      assert.deepEqual(kept, [86_400_000]);
    });

    test('that is malformed is refused by name', async () => {
      for (const key of ['', 'x'.repeat(256), 'two words']) {
        const body = await problem(await keyed(key), 422);
        assert.match(JSON.stringify(body['errors']), /1-255 visible ASCII/);
      }
    });
  });

  test('cancel and retry of an unknown task are 404, of a running one 202 and 409', async () => {
    const ask = (id: string, what: string) =>
      api(new Request(`${BASE}/tasks/${id}/${what}`, { method: 'POST' }));
    for (const what of ['cancel', 'retry']) await problem(await ask(crypto.randomUUID(), what), 404);
    const { task_id: id } = (await (await api(post(REQUEST))).json()) as { task_id: string };
    assert.equal((await problem(await ask(id, 'retry'), 409))['code'], 'task_running');
    const before = queue.counts();
    const cancelled = await ask(id, 'cancel');
    assert.equal(cancelled.status, 202);
    assert.equal(queue.counts().render.waiting - before.render.waiting, -2, 'nobody has begun them');
    assert.equal(queue.counts().complete.waiting - before.complete.waiting, 1);
    assert.equal(((await cancelled.json()) as Record<string, unknown>)['task_id'], id);
    assert.equal(await tasks.isCancelled(id), true);
    assert.equal((await api(new Request(`${BASE}/tasks/${id}/cancel`))).status, 405);
  });

  test('a folder that cannot be created is a 502 with a hint', async () => {
    await mkdir(join(dir, 'output'), { recursive: true });
    await writeFile(join(dir, 'output', 'in the way'), '');
    const body = await problem(await api(post({ ...REQUEST, task_name: 'in the way' })), 502);
    assert.match(String(body['detail']), /a file is in the way/);
  });

  describe('a folder that cannot be made just now', () => {
    const busy = () => new TransientError('output_busy', 'Expected Drive to make the folder, got 503.');
    const withFolder = (createFolder: OutputStore['createFolder']) =>
      describedApi({ ...deps, outputs: { ...deps.outputs, createFolder } });
    const named = (task_name: string) => post({ ...REQUEST, task_name });

    test('is asked for again until it is there, and is made once', async () => {
      let calls = 0;
      const sometimes = withFolder(async (name, signal) => {
        if (++calls < 3) throw busy();
        return deps.outputs.createFolder(name, signal);
      });
      assert.equal((await sometimes(named('after some trouble'))).status, 202);
      assert.equal(calls, 3);
    });

    test('is asked for no longer than a caller waits, then put off with the reason', async (t) => {
      const time = fakeTime(t);
      let calls = 0;
      const answering = withFolder(() => {
        calls += 1;
        return Promise.reject(busy());
      })(named('busy'));
      const answer = await time.passing(answering);
      const seconds = time.now() / 1000;
      assert.equal(answer.headers.get('retry-after'), '30');
      assert.match(String((await problem(answer, 503))['detail']), /got 503/);
      assert.ok(calls > 3 && seconds >= 15 && seconds <= 20, `${calls} calls in ${seconds} s`);
    });

    test('is put off at once where it will take longer than a caller waits', async () => {
      let calls = 0;
      const later = withFolder(() => {
        calls += 1;
        return Promise.reject(new TransientError('output_busy', 'Later.', { retryAfterMs: 60_000 }));
      });
      const answer = await later(named('later'));
      assert.equal(answer.headers.get('retry-after'), '60');
      await problem(answer, 503);
      assert.equal(calls, 1);
    });

    test('is put off, and its call stopped, where there is no answer', async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const asked = Promise.withResolvers<AbortSignal>();
      const answering = withFolder((_, signal) => {
        assert.ok(signal);
        asked.resolve(signal);
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      })(named('silent'));
      const signal = await asked.promise;
      // Limits pass in steps of five seconds.
      for (const ms of [5_000, 5_000, 5_000, 4_000]) t.mock.timers.tick(ms);
      assert.equal(signal.aborted, false);
      t.mock.timers.tick(1_000);
      assert.match(String((await problem(await answering, 503))['detail']), /within 20 s/);
    });

    test('is refused at once where trying again is pointless', async () => {
      let calls = 0;
      const refused = withFolder(() => {
        calls += 1;
        return Promise.reject(new RequestError('output_folder', 'Expected a folder, got 403.'));
      });
      await problem(await refused(named('refused')), 502);
      assert.equal(calls, 1);
    });
  });

  test('requires the key, if one is set, in either header', async () => {
    await problem(await guarded(post(REQUEST)), 401);
    await problem(await guarded(post(REQUEST, { headers: { 'x-api-key': `${KEY}x` } })), 401);
    await problem(await guarded(new Request(`${BASE}/tasks/00000000-0000-4000-8000-000000000000`)), 401);
    for (const headers of [{ 'x-api-key': KEY }, { authorization: `Bearer ${KEY}` }]) {
      assert.equal((await guarded(post(REQUEST, { headers }))).status, 202);
    }
  });

  test('a body that is compressed or in another charset is refused with 415', async () => {
    await problem(await api(post(REQUEST, { headers: { 'content-encoding': 'gzip' } })), 415);
    await problem(
      await api(post(REQUEST, { headers: { 'content-type': 'application/json; charset=utf-16' } })),
      415,
    );
  });

  test('metadata of any depth is accepted or refused, never an error of the service', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const body = JSON.stringify({ ...REQUEST, task_name: 'deep' }).replace(/}$/, `,"metadata":${deep}}`);
    const refused = await problem(await api(post(body, { raw: true })), 422);
    assert.equal((refused['errors'] as { pointer: string }[])[0]?.pointer, '/metadata');
    await assert.rejects(stat(join(dir, 'output', 'deep')), { code: 'ENOENT' });
  });

  test('a task whose id would collide gets another one', async () => {
    let refusals = 2;
    const clashing = { ...tasks, create: async (task: Task) => refusals-- <= 0 && tasks.create(task) };
    const response = await describedApi({ ...deps, tasks: clashing })(post(REQUEST));
    const { task_id: id } = (await response.json()) as { task_id: string };
    assert.ok(await tasks.get(id), 'the task in the response is stored');
    assert.equal(refusals, -1);
  });

  test('a stored task is accepted even if its messages are not published yet', async () => {
    const broken = { publish: () => Promise.reject(new Error('the queue is unavailable')) };
    const response = await describedApi({ ...deps, queue: broken })(post(REQUEST));
    assert.equal(response.status, 202);
    const { task_id: id } = (await response.json()) as { task_id: string };
    assert.equal((await tasks.progress(id))?.published, false);
  });

  test('a full disk is a 503 that says so', async () => {
    const full = {
      ...tasks,
      create: () => Promise.reject(new TransientError('disk_full', 'The disk is full.')),
    };
    const response = await describedApi({ ...deps, tasks: full })(post(REQUEST));
    assert.equal(response.headers.get('retry-after'), '30');
    assert.match(String((await problem(response, 503))['detail']), /disk is full/);
  });

  test('answers only to names of this machine when no key is set', async () => {
    const local = describedApi({ ...deps, guard: guardOf({ hosts: (name) => name === '127.0.0.1' }) });
    assert.equal((await local(post(REQUEST))).status, 202);
    await problem(await local(new Request('http://evil.example/process_media')), 421);
  });

  test('an unexpected error is a 500 without internal details', async () => {
    const broken = describedApi({
      ...({} as Parameters<typeof createApi>[0]),
      log: silentLog,
      seal: SEAL,
      guard: guardOf(),
      tasks: { get: () => Promise.reject(new Error('secret /etc/inside.ts')) } as unknown as TaskStore,
    });
    const body = await problem(
      await broken(new Request(`${BASE}/tasks/00000000-0000-4000-8000-000000000000`)),
      500,
    );
    assert.doesNotMatch(JSON.stringify(body), /secret/);
  });

  describe('a task', () => {
    let id: string;

    before(async () => {
      const clips = Array.from({ length: 150 }, (_, at) => `https://h/${at}.mp4`);
      const response = await api(
        post({ task_name: 'many', video_blocks: { a: clips }, metadata: { id: 5 } }),
      );
      id = ((await response.json()) as { task_id: string }).task_id;
      const report = {
        url: null,
        bytes: 1,
        durationSeconds: 2,
        loudnessLufs: null,
        truePeakDbtp: null,
        renderSeconds: 1,
        stageSeconds: {},
        attempts: 1,
        warnings: [],
      };
      const error = { code: 'source_not_found', stage: 'download', message: 'gone' } as const;
      await reports.report(id, {
        ...report,
        index: 1,
        fileName: '0001.mp4',
        status: 'succeeded',
        error: null,
      });
      await reports.report(id, { ...report, index: 140, fileName: '0140.mp4', status: 'failed', error });
    });

    async function get(path: string): Promise<Record<string, unknown>> {
      const response = await api(new Request(`${BASE}/tasks/${id}${path}`));
      assert.equal(response.status, 200);
      return (await response.json()) as Record<string, unknown>;
    }

    test('shows its progress', async () => {
      const { elapsed_seconds, created_at, output_folder, links, ...rest } = await get('');
      assert.ok(Number(elapsed_seconds) >= 0);
      assert.ok(!Number.isNaN(Date.parse(String(created_at))));
      assert.equal(output_folder, join(dir, 'output', 'many'));
      assert.equal((links as { self: string }).self, `${BASE}/tasks/${id}`);
      assert.deepEqual(rest, {
        task_id: id,
        task_name: 'many',
        status: 'rendering',
        sources: 150,
        prepared: 0,
        combinations: 150,
        succeeded: 1,
        failed: 1,
        cancelled: 0,
        pending: 148,
        percent: 1,
        eta_seconds: null,
        problem: null,
        video: null,
        video_reason: null,
        retry_of: null,
        completed_at: null,
        metadata: { id: 5 },
        webhook: null,
        targets: [],
        warnings: ['No music, no voice and no original sound were asked for: the videos get a silent track.'],
      });
    });

    test('lists its renders page by page', async () => {
      const first = (await get('/renders')) as {
        renders: { index: number; status: string }[];
        next_cursor: string;
      };
      const second = (await get(`/renders?cursor=${first.next_cursor}`)) as typeof first;
      const all = [...first.renders, ...second.renders];
      assert.deepEqual(
        all.map(({ index }) => index),
        Array.from({ length: 150 }, (_, at) => at + 1),
      );
      assert.equal(second.next_cursor, null);
      assert.deepEqual(all[139], {
        index: 140,
        combination: 140,
        format: null,
        language: null,
        group: null,
        status: 'failed',
        clips: ['https://h/139.mp4'],
        clip_names: ['139'],
        track: null,
        track_name: null,
        voice: null,
        text: null,
        file_name: '0140.mp4',
        url: null,
        duration_seconds: 2,
        render_seconds: 1,
        attempts: 1,
        warnings: [],
        targets: [],
        files: [],
        error: {
          code: 'source_not_found',
          stage: 'download',
          message: 'gone',
          hint: CODES.source_not_found.hint,
        },
        links: { self: `${BASE}/tasks/${id}/renders/140`, video: null },
      });
    });

    test('lists the renders of one status, wherever they stand', async () => {
      const { renders, next_cursor } = (await get('/renders?status=failed')) as {
        renders: { index: number }[];
        next_cursor: null;
      };
      assert.deepEqual([renders.map(({ index }) => index), next_cursor], [[140], null]);
    });

    for (const path of ['', '/renders', '/renders?status=failed']) {
      test(`answers HEAD ${path || 'for its status'} like GET, without the body`, async () => {
        const ask = (method: string) => api(new Request(`${BASE}/tasks/${id}${path}`, { method }));
        const [got, head] = [await ask('GET'), await ask('HEAD')];
        assert.deepEqual([head.status, await head.text()], [200, '']);
        assert.deepEqual([...head.headers], [...got.headers]);
      });
    }

    test('refuses HEAD where there is nothing, with the headers of the error', async () => {
      const head = await api(new Request(`${BASE}/tasks/abc`, { method: 'HEAD' }));
      assert.deepEqual([head.status, await head.text()], [404, '']);
      assert.equal(head.headers.get('content-type'), 'application/problem+json');
    });

    test('passes an answer on as it is: as it comes, or without a body', async () => {
      const ask = async (method: string, answer: Response) => {
        const run = (async () => answer) as unknown as ApiDeps['run'];
        return createApi({ ...deps, run })(new Request(`${BASE}/tasks/${id}`, { method }));
      };
      for (const status of [204, 304])
        for (const method of ['GET', 'HEAD'])
          assert.equal((await ask(method, new Response(null, { status }))).status, status);
      const ended = Promise.withResolvers<void>();
      const endless = () => new Response(new ReadableStream({ cancel: () => ended.resolve() }));
      const got = await ask('GET', endless());
      assert.ok(got.body !== null);
      await got.body.cancel();
      const head = await ask('HEAD', endless());
      assert.equal(await head.text(), '');
      await ended.promise;
    });

    test('lists HEAD in Allow wherever GET is, and refuses OPTIONS', async () => {
      for (const [path, allow] of [
        ['', 'GET, HEAD, DELETE'],
        ['/renders', 'GET, HEAD'],
      ]) {
        for (const method of ['OPTIONS', 'PUT']) {
          const refused = await api(new Request(`${BASE}/tasks/${id}${path}`, { method }));
          assert.equal(refused.headers.get('allow'), allow);
          await problem(refused, 405);
        }
      }
    });

    test('refuses query parameters that an address does not take, naming the nearest, and repeated ones', async () => {
      const mistakes = async (method: string, path: string) => {
        const body = await problem(await api(new Request(`${BASE}${path}`, { method })), 422);
        assert.equal(body['code'], 'invalid_request');
        return (body['errors'] as { pointer: string; code: string; message: string }[]).map(
          ({ pointer, message }) => `${pointer} ${message}`,
        );
      };
      for (const [method, path] of [
        ['GET', `/tasks/${id}?verbose=1`],
        ['HEAD', `/tasks/${id}?verbose=1`],
        ['POST', `/tasks/${id}/cancel?verbose=1`],
        ['POST', `/tasks/${id}/retry?verbose`],
      ] as const) {
        if (method === 'HEAD') {
          assert.equal((await api(new Request(`${BASE}${path}`, { method }))).status, 422);
          continue;
        }
        const [only, ...more] = await mistakes(method, path);
        assert.deepEqual(more, []);
        assert.match(
          String(only),
          /^\/verbose Expected no query parameters.*takes none, got "verbose"/,
          path,
        );
      }
      assert.equal(await tasks.isCancelled(id), false);
      const [status, limit] = await mistakes('GET', `/tasks/${id}/renders?staus=failed&colour=1`);
      assert.match(String(status), /^\/staus .*status, limit, cursor.*Did you mean status\?$/);
      assert.match(String(limit), /^\/colour .*Remove it\.$/);
      assert.deepEqual(await mistakes('GET', `/tasks/${id}/renders?status=failed&status=succeeded`), [
        '/status Expected status once, got it 2 times. Leave out all but one.',
      ]);
      assert.match(
        (await mistakes('POST', '/process_media?dryrun=1'))[0] as string,
        /^\/dryrun .*but cursor, got "dryrun"\. Did you mean dry_run in the body\?$/,
      );
      assert.match(
        (await mistakes('POST', '/process_media?dry_run=true'))[0] as string,
        /got "dry_run"\. Did you mean dry_run in the body\?$/,
      );
      const many = await mistakes(
        'GET',
        `/tasks/${id}?${Array.from({ length: 200 }, (_, at) => `p${at}`).join('&')}`,
      );
      assert.deepEqual([many.length, /and 190 more/.test(String(many.at(-1)))], [11, true]);
    });

    test('refuses an unknown status and an invalid cursor', async () => {
      for (const query of ['status=lost', 'cursor=-1']) {
        await problem(await api(new Request(`${BASE}/tasks/${id}/renders?${query}`)), 422);
      }
    });
  });
});
