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
import { TransientError } from '../functions/errors.ts';
import { renderKey } from '../functions/lease-keys.ts';
import { composeLocal } from '../functions/local.ts';
import { createLog } from '../functions/log.ts';
import type { Message, Report, Task } from '../functions/ports.ts';
import { prepare } from '../functions/prepare.ts';
import { render } from '../functions/render.ts';
import { sweep, TASK_LIFETIME_MS } from '../functions/sweep.ts';
import { makePlan } from '../functions/task/plan.ts';
import { makeClip } from './fixtures/finished.ts';
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

  async function createTask(name = 'task', createdAt = new Date()): Promise<Task> {
    const task: Task = {
      id: crypto.randomUUID(),
      name,
      createdAt: createdAt.toISOString(),
      plan: makePlan({
        blocks: [{ urls: [server.url('/a.mp4'), server.url('/b.mp4')] }],
        tracks: [],
        lines: [],
        output: { fit: 'contain' },
        sound: { originalVolume: 0, duck: true },
        seed: 1,
      }),
      folder: await deps.outputs.createFolder(name),
      metadata: null,
      warnings: [],
      retryOf: null,
    };
    assert.ok(await deps.tasks.create(task));
    return task;
  }

  const prepareAll = (task: Task) =>
    Promise.all(
      task.plan.sources.map((_, source) =>
        prepare({ topic: 'prepare', taskId: task.id, source }, delivery, deps),
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

  test('a render that finds its source missing and nobody at it asks for it again, once', async () => {
    const task = await createTask();
    await assert.rejects(renderOne(task, 1), (error) => TransientError.is(error) && error.code === 'waiting');
    await assert.rejects(renderOne(task, 1), TransientError.is);
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
