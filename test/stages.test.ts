/**
 * The stages, called as a queue that delivers twice, late and to the dead calls them. No host runs here: each message
 * is handed over by the test.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAX_ATTEMPTS } from '../functions/attempts.ts';
import { complete } from '../functions/complete.ts';
import { loadConfig } from '../functions/config.ts';
import { deadLetter } from '../functions/dead-letter.ts';
import { PermanentError, TransientError } from '../functions/errors.ts';
import { MAX_ROUNDS } from '../functions/fetching.ts';
import { prepareKey, renderKey } from '../functions/lease-keys.ts';
import { composeLocal } from '../functions/local-parts.ts';
import { createLog } from '../functions/log.ts';
import type { Message, Report, Task } from '../functions/ports.ts';
import { prepare } from '../functions/prepare.ts';
import { render } from '../functions/render.ts';
import { sweep, TASK_LIFETIME_MS } from '../functions/sweep.ts';
import { makePlan } from '../functions/task/plan.ts';
import { makeFilm } from './fixtures/clips.ts';
import { makeClip, makeTrack } from './fixtures/finished.ts';
import type { Json } from './fixtures/host.ts';
import { type SourceServer, startSourceServer } from './fixtures/source-server.ts';
import { type TempDir, tempDir } from './fixtures/temp-dir.ts';

type Local = Awaited<ReturnType<typeof composeLocal>>;

describe('the stages', () => {
  let media: TempDir;
  let clip: Buffer;
  let dir: TempDir;
  let local: Local;
  let deps: Local['deps'];
  let server: SourceServer;
  let lines: Json[];
  const delivery = { signal: new AbortController().signal };

  before(async () => {
    media = await tempDir();
    clip = await readFile(await makeClip(join(media.path, 'red.mp4'), { colour: 'red' }));
  });

  after(() => media?.[Symbol.asyncDispose]());

  beforeEach(async (context) => {
    lines = [];
    dir = await tempDir();
    const env = { DATA_DIR: join(dir.path, 'data'), OUTPUT_DIR: join(dir.path, 'output') };
    const log = createLog({
      level: 'debug',
      pretty: false,
      write: (line) => lines.push(JSON.parse(line) as Json),
    });
    local = await composeLocal(loadConfig(env), log);
    // Impatient, so that waiting shows within the test.
    deps = { ...local.deps, patienceMs: 200 };
    server = await startSourceServer({ '/a.mp4': { body: clip }, '/b.mp4': { body: clip } });
    (context as unknown as { after(done: () => Promise<void>): void }).after(async () => {
      await server[Symbol.asyncDispose]();
      await local[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    });
  });

  async function createTask(
    name = 'task',
    createdAt = new Date(),
    {
      clips = ['/a.mp4', '/b.mp4'],
      more = [],
      tracks = [],
    }: { clips?: string[]; more?: string[]; tracks?: string[] } = {},
  ): Promise<Task> {
    const urls = (paths: string[]) => paths.map((path) => server.url(path));
    const id = crypto.randomUUID();
    const task: Task = {
      id,
      name,
      createdAt: createdAt.toISOString(),
      plan: makePlan({
        blocks: [{ urls: urls(clips) }, ...(more.length > 0 ? [{ urls: urls(more) }] : [])],
        tracks: urls(tracks),
        lines: [],
        output: { fit: 'contain' },
        sound: { originalVolume: 0, duck: true },
        seed: 1,
      }),
      folder: await deps.outputs.createFolder(name),
      metadata: null,
      warnings: [],
      retryOf: null,
      fileId: id,
    };
    assert.ok(await deps.tasks.create(task));
    return task;
  }

  const prepareAll = (task: Task, change: Partial<typeof deps> = { patienceMs: 30_000 }) =>
    Promise.all(
      task.plan.sources.map((_, source) =>
        prepare({ topic: 'prepare', taskId: task.id, source }, delivery, { ...deps, ...change }),
      ),
    );
  const renderOne = (task: Task, index: number) =>
    render({ topic: 'render', taskId: task.id, index }, delivery, deps);
  const videos = async (task: Task) =>
    (await readdir(task.folder.id)).filter((name) => name.endsWith('.mp4')).sort();
  const waiting = () =>
    Object.fromEntries(Object.entries(local.queue.counts()).map(([topic, { waiting }]) => [topic, waiting]));
  const logged = (event: string) => lines.filter((line) => line['event'] === event);

  test('the same prepare three times at once: one download, one artifact, one log line', async () => {
    const task = await createTask();
    const message = { topic: 'prepare', taskId: task.id, source: 0 } as const;
    await Promise.all([1, 2, 3].map(() => prepare(message, delivery, { ...deps, patienceMs: 30_000 })));
    await prepare(message, delivery, deps);
    assert.equal(server.count('/a.mp4'), 1);
    assert.equal(logged('source.prepared').length, 1);
  });

  test('the same render three times at once, and once more when all is over: one report, one file, one completion', async () => {
    const task = await createTask();
    await prepareAll(task);
    const patient = { ...deps, patienceMs: 30_000 };
    const message = { topic: 'render', taskId: task.id, index: 1 } as const;
    await Promise.all([1, 2, 3].map(() => render(message, delivery, patient)));
    await renderOne(task, 2);
    assert.equal(waiting()['complete'], 1);
    await complete({ topic: 'complete', taskId: task.id }, delivery, deps);
    const before = await videos(task);
    const [{ mtimeMs }] = await Promise.all([stat(join(task.folder.id, before[0] as string))]);

    await renderOne(task, 1);
    await complete({ topic: 'complete', taskId: task.id }, delivery, deps);
    assert.deepEqual(await videos(task), before);
    assert.equal((await stat(join(task.folder.id, before[0] as string))).mtimeMs, mtimeMs, 'not made again');
    assert.equal(logged('render.finished').length, 2);
    assert.equal(logged('task.completed').length, 1);
    assert.equal(waiting()['complete'], 1);
    const { succeeded, failed } = (await deps.tasks.progress(task.id)) ?? {};
    assert.deepEqual([succeeded, failed], [2, 0]);
  });

  test('a render that finds its source missing and nobody at it asks for it again, in good time and once', async () => {
    const task = await createTask();
    const late = () =>
      assert.rejects(renderOne(task, 1), (error) => TransientError.is(error) && error.code === 'waiting');
    await late();
    await late();
    assert.equal(waiting()['prepare'], 0, 'it may only be late');
    // The time it was given is over.
    local.lapseLeases();
    await late();
    await late();
    assert.equal(waiting()['prepare'], 1);
    const [lease] = await deps.leases.read([renderKey(task.id, 1)]);
    assert.equal(lease?.takes, 0, 'waiting costs no attempt');
  });

  test('a render whose artifact was evicted makes it again', async () => {
    const task = await createTask();
    await prepareAll(task);
    await rm(join(dir.path, 'data', 'artifacts'), { recursive: true });
    await renderOne(task, 1);
    assert.equal((await videos(task)).length, 1);
  });

  test('evicted bytes that have become others fail as such and are never mixed in', async () => {
    const task = await createTask();
    await prepareAll(task);
    await rm(join(dir.path, 'data', 'artifacts'), { recursive: true });
    const other = await readFile(await makeClip(join(media.path, 'green.mp4'), { colour: 'green' }));
    server.set('/a.mp4', { body: other });
    await renderOne(task, 1);
    const [report] = await deps.reports.list(task.id, 1, 1);
    assert.equal(report?.error?.code, 'source_changed');
  });

  test('a process that dies between report and completion: the next delivery completes', async () => {
    const task = await createTask();
    await prepareAll(task);
    await renderOne(task, 1);
    await prepareAll(task);
    const report: Report = { ...((await deps.reports.list(task.id, 1, 1))[0] as Report), index: 2 };
    assert.ok(await deps.reports.report(task.id, report));
    assert.equal(waiting()['complete'], 0, 'it died here');
    await renderOne(task, 2);
    assert.equal(waiting()['complete'], 1);
  });

  test('five holders that died over one render are enough', async () => {
    const task = await createTask();
    await prepareAll(task);
    for (let death = 0; death < MAX_ATTEMPTS; death++) {
      assert.ok(await deps.leases.take(renderKey(task.id, 1), 1));
      await sleep(5);
    }
    await renderOne(task, 1);
    const [report] = await deps.reports.list(task.id, 1, 1);
    assert.deepEqual([report?.status, report?.error?.code], ['failed', 'crash_loop']);
    assert.deepEqual(await videos(task), []);
  });

  test('an aborted render leaves no file, no report and no attempt that counts as a crash', async () => {
    const task = await createTask();
    await prepareAll(task);
    const stop = new AbortController();
    const slow = {
      ...deps,
      outputs: { ...deps.outputs, save: () => sleep(60_000, undefined as never, { signal: stop.signal }) },
    };
    const rendering = render({ topic: 'render', taskId: task.id, index: 1 }, { signal: stop.signal }, slow);
    await sleep(300);
    stop.abort(new Error('the host stops'));
    await assert.rejects(rendering);
    assert.deepEqual(await videos(task), []);
    assert.deepEqual(await deps.reports.list(task.id, 1, 1), []);
    const [lease] = await deps.leases.read([renderKey(task.id, 1)]);
    assert.deepEqual([lease?.held, lease?.crashes], [false, 0]);
    await renderOne(task, 1);
    assert.equal((await videos(task)).length, 1);
  });

  test('a URL that is clip and music is one download', async () => {
    const both = await readFile(await makeFilm(join(media.path, 'both.mp4')));
    server.set('/both.mp4', { body: both });
    const task = await createTask('both', new Date(), { clips: ['/both.mp4'], tracks: ['/both.mp4'] });
    await prepareAll(task, { patienceMs: 30_000 });
    assert.equal(server.count('/both.mp4'), 1);
    await renderOne(task, 1);
    assert.equal((await videos(task)).length, 1);
  });

  test('the profile comes from the first clip with a picture, not from sound alone', async () => {
    server.set('/sound.mp3', { body: await readFile(await makeTrack(join(media.path, 'sound.mp3'), 1)) });
    const task = await createTask('sound first', new Date(), { clips: ['/sound.mp3', '/a.mp4'] });
    await prepareAll(task, { patienceMs: 30_000 });
    const [profile] = await deps.pins.read(task.id, ['profile']);
    assert.deepEqual([profile?.width, profile?.height], [160, 90]);
  });

  test('bytes that were evicted are asked for without a condition', async () => {
    server.set('/a.mp4', { body: clip, etag: '"a"' });
    const first = await createTask();
    await prepareAll(first);
    await rm(join(dir.path, 'data', 'artifacts'), { recursive: true });
    const second = await createTask();
    await prepareAll(second);
    await renderOne(second, 1);
    assert.equal((await deps.reports.list(second.id, 1, 1))[0]?.status, 'succeeded');
    assert.equal(server.seen('/a.mp4').at(-1)?.headers['if-none-match'], undefined);
  });

  test('one failed source ends a render at once, however late the others are', async () => {
    server.set('/b.mp4', { body: clip, always: { does: 'hang' } });
    const task = await createTask('one dead', new Date(), { clips: ['/gone.mp4'], more: ['/b.mp4'] });
    await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery, deps);
    await renderOne(task, 1);
    assert.equal((await deps.reports.list(task.id, 1, 1))[0]?.error?.code, 'source_not_found');
  });

  test('a render does not ask again for a source that someone is at', async () => {
    const task = await createTask();
    assert.ok(await deps.leases.take(prepareKey(task.id, 0), 60_000));
    await assert.rejects(renderOne(task, 1), TransientError.is);
    assert.equal(waiting()['prepare'], 0);
  });

  describe('a source whose server is out of reach', () => {
    const busy = { does: 'status', status: 429, headers: { 'retry-after': '3600' } } as const;

    test('is left alone for a while, by every prepare that wants it', async () => {
      server.set('/a.mp4', { body: clip, always: busy });
      const task = await createTask();
      const outcomes = await Promise.allSettled(
        task.plan.sources.map((_, source) =>
          prepare({ topic: 'prepare', taskId: task.id, source }, delivery, deps),
        ),
      );
      assert.ok(outcomes.every(({ status }) => status === 'rejected'));
      await assert.rejects(prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery, deps), {
        code: 'waiting',
      });
      assert.equal(server.count('/a.mp4'), 1);
      assert.deepEqual(await deps.pins.read(task.id, ['fetched-0', 'prepared-0']), [undefined, undefined]);
    });

    test('fails for good after six rounds, not after five', async () => {
      server.set('/a.mp4', { body: clip, always: busy });
      const task = await createTask();
      const prepareFirst = () => prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery, deps);
      for (let round = 1; round < MAX_ROUNDS; round++) {
        await assert.rejects(prepareFirst(), { code: 'source_busy' });
        // The pause is over.
        local.lapseLeases();
      }
      await prepareFirst();
      const [pin] = await deps.pins.read(task.id, ['prepared-0']);
      assert.equal(pin?.error?.code, 'source_unreachable');
      assert.match(pin?.error?.message ?? '', /got 429\. It was tried in 6 rounds/);
      assert.equal(server.count('/a.mp4'), MAX_ROUNDS);
    });
  });

  test('five processes that died over one source are enough, for this task only', async () => {
    const [task, other] = [await createTask(), await createTask()];
    for (const key of [`fetch/${task.id}/0`, `make/${task.id}/1`]) {
      for (let death = 0; death < MAX_ATTEMPTS; death++) {
        assert.ok(await deps.leases.take(key, 1));
        await sleep(5);
      }
    }
    await prepareAll(task);
    const codes = (await deps.pins.read(task.id, ['prepared-0', 'prepared-1'])).map(
      (pin) => pin?.error?.code,
    );
    assert.deepEqual(codes, ['crash_loop', 'crash_loop']);
    await prepareAll(other);
    assert.equal((await deps.pins.read(other.id, ['prepared-0']))[0]?.error, undefined);
  });

  test('a completion that could not be published is published by the next delivery', async () => {
    const task = await createTask();
    await prepareAll(task);
    await renderOne(task, 1);
    const broken = { ...deps, queue: { publish: () => Promise.reject(new Error('the queue is away')) } };
    await assert.rejects(
      render({ topic: 'render', taskId: task.id, index: 2 }, delivery, broken),
      /the queue is away/,
    );
    assert.equal(waiting()['complete'], 0);
    await renderOne(task, 2);
    assert.equal(waiting()['complete'], 1);
  });

  describe('of a cancelled task', () => {
    const statuses = async (task: Task) =>
      (await deps.reports.list(task.id, 1, 2)).map(({ status }) => status);

    test('a prepare prepares nothing, and a render reports that it is cancelled', async () => {
      const task = await createTask();
      await deps.tasks.cancel(task.id);
      await prepareAll(task);
      assert.equal(server.count(), 0);
      for (const index of [1, 2, 2]) await renderOne(task, index);
      assert.deepEqual(await statuses(task), ['cancelled', 'cancelled']);
      assert.equal(waiting()['complete'], 1);
      assert.equal(logged('render.cancelled').length, 2);
    });

    test('a render that is saving when the cancel comes has made its video', async () => {
      const task = await createTask();
      await prepareAll(task);
      const save: typeof deps.outputs.save = async (...args) => {
        await deps.tasks.cancel(task.id);
        await sleep(1200);
        return deps.outputs.save(...args);
      };
      const slow = { ...deps, outputs: { ...deps.outputs, save } };
      await render({ topic: 'render', taskId: task.id, index: 1 }, delivery, slow);
      await renderOne(task, 2);
      assert.deepEqual(await statuses(task), ['succeeded', 'cancelled']);
      assert.equal((await videos(task)).length, 1);
    });

    test('a video saved by a process that died before its report leaves the folder at the end', async () => {
      const task = await createTask();
      await prepareAll(task);
      const dying = {
        ...deps,
        reports: { ...deps.reports, report: () => Promise.reject(new Error('died')) },
      };
      await assert.rejects(render({ topic: 'render', taskId: task.id, index: 1 }, delivery, dying), /died/);
      await renderOne(task, 2);
      assert.equal((await videos(task)).length, 2);
      await deps.tasks.cancel(task.id);
      await renderOne(task, 1);
      await complete({ topic: 'complete', taskId: task.id }, delivery, deps);
      assert.deepEqual(await statuses(task), ['cancelled', 'succeeded']);
      const [kept] = await deps.reports.list(task.id, 2, 2);
      assert.deepEqual(await videos(task), [kept?.fileName]);
    });

    test('a duplicate of a render under way waits for it, and its report stands', async () => {
      const task = await createTask();
      await prepareAll(task);
      const patient = { ...deps, patienceMs: 30_000 };
      const saving = Promise.withResolvers<void>();
      const save: typeof deps.outputs.save = async (...args) => {
        saving.resolve();
        await sleep(500);
        return deps.outputs.save(...args);
      };
      const message = { topic: 'render', taskId: task.id, index: 1 } as const;
      const first = render(message, delivery, { ...patient, outputs: { ...deps.outputs, save } });
      await saving.promise;
      await deps.tasks.cancel(task.id);
      await render(message, delivery, patient);
      await first;
      assert.deepEqual(await statuses(task), ['succeeded']);
    });
  });

  describe('completing', () => {
    async function reported(): Promise<Task> {
      const task = await createTask();
      await prepareAll(task);
      for (const index of [1, 2]) await renderOne(task, index);
      return task;
    }
    const completeWith = (task: Task, save: typeof deps.outputs.save) =>
      complete({ topic: 'complete', taskId: task.id }, delivery, {
        ...deps,
        outputs: { ...deps.outputs, save },
      });
    const finished = async (task: Task) => (await deps.tasks.progress(task.id))?.finishedAt !== null;

    test('comes last: without manifest and log line a task is not finished', async () => {
      const task = await reported();
      await assert.rejects(
        completeWith(task, () => Promise.reject(new Error('it died here'))),
        /it died here/,
      );
      assert.deepEqual([await finished(task), logged('task.completed').length], [false, 0]);
      await complete({ topic: 'complete', taskId: task.id }, delivery, deps);
      assert.deepEqual([await finished(task), logged('task.completed').length], [true, 1]);
    });

    test('ends a task also where its manifest can never be saved', async () => {
      const task = await reported();
      const error = new PermanentError('save_failed', 'save', 'Expected a folder, got a file in the way.');
      await completeWith(task, () => Promise.reject(error));
      assert.deepEqual([await finished(task), logged('manifest.failed').length], [true, 1]);
    });
  });

  describe('a dead letter', () => {
    const letter = (task: Task, message: Extract<Message, { topic: 'prepare' | 'render' }>) =>
      deadLetter({ topic: 'dead-letter', taskId: task.id, message, reason: 'no luck' }, delivery, deps);

    test('of a prepare pins its error, and the renders that need it fail', async () => {
      const task = await createTask();
      await letter(task, { topic: 'prepare', taskId: task.id, source: 0 });
      await renderOne(task, 1);
      const [report] = await deps.reports.list(task.id, 1, 1);
      assert.equal(report?.error?.code, 'undeliverable');
      assert.match(report?.error?.message ?? '', /no luck/);
    });

    test('of a prepare that someone is at is published again', async () => {
      const task = await createTask();
      await deps.leases.take(prepareKey(task.id, 0), 60_000);
      await letter(task, { topic: 'prepare', taskId: task.id, source: 0 });
      assert.equal(waiting()['prepare'], 1);
      assert.deepEqual(await deps.pins.read(task.id, ['prepared-0']), [undefined]);
    });

    test('of a render that only ever waited is published again', async () => {
      const task = await createTask();
      await letter(task, { topic: 'render', taskId: task.id, index: 1 });
      assert.equal(waiting()['render'], 1);
      assert.deepEqual(await deps.reports.list(task.id, 1, 1), []);
    });

    test('of a render that was begun is reported as failed', async () => {
      const task = await createTask();
      await deps.leases.take(renderKey(task.id, 1), 1);
      await letter(task, { topic: 'render', taskId: task.id, index: 1 });
      const [report] = await deps.reports.list(task.id, 1, 1);
      assert.deepEqual([report?.status, report?.error?.code], ['failed', 'undeliverable']);
    });
  });

  describe('the sweep', () => {
    const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

    test('publishes a task whose publishing broke off, and leaves a fresh one alone', async () => {
      await createTask('fresh');
      await sweep(deps);
      assert.deepEqual([waiting()['prepare'], waiting()['render']], [0, 0]);
      const task = await createTask('old', minutesAgo(5));
      await sweep(deps);
      assert.deepEqual([waiting()['prepare'], waiting()['render']], [2, 2]);
      assert.equal((await deps.tasks.progress(task.id))?.published, true);
      await sweep(deps);
      assert.deepEqual([waiting()['prepare'], waiting()['render']], [2, 2]);
    });

    test('repeats a completion check that nobody lived to make', async () => {
      const task = await createTask();
      await prepareAll(task);
      await renderOne(task, 1);
      const report = (await deps.reports.list(task.id, 1, 1))[0] as Report;
      await deps.reports.report(task.id, { ...report, index: 2 });
      await sweep(deps);
      assert.equal(waiting()['complete'], 1);
    });

    test('reaches every task, also behind one that cannot be mended', async () => {
      const many = await Promise.all(
        Array.from({ length: 105 }, (_, at) => createTask(`task ${at}`, minutesAgo(5))),
      );
      const broken = many[0]?.id;
      const tasks = {
        ...deps.tasks,
        get: (id: string) => (id === broken ? Promise.reject(new Error('unreadable')) : deps.tasks.get(id)),
      };
      await sweep({ ...deps, tasks });
      assert.equal(waiting()['render'], 104 * 2);
      assert.equal(logged('sweep.failed').length, 1);
    });

    test('asks for a completion again only when it had ten minutes', async () => {
      const task = await createTask();
      await prepareAll(task);
      for (const index of [1, 2]) await renderOne(task, index);
      assert.equal(waiting()['complete'], 1);
      await sweep(deps);
      await sweep(deps);
      assert.equal(waiting()['complete'], 1);
      // The note that the first sweep left lapses.
      local.lapseLeases();
      await sweep(deps);
      assert.equal(waiting()['complete'], 2);
    });

    test('ends what is overdue, so that every task ends', async () => {
      const task = await createTask('late', new Date(Date.now() - TASK_LIFETIME_MS - 1));
      await sweep(deps);
      const reports = await deps.reports.list(task.id, 1, 2);
      assert.deepEqual(
        reports.map(({ error }) => error?.code),
        ['overdue', 'overdue'],
      );
      assert.equal(waiting()['complete'], 1);
    });
  });
});
