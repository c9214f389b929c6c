import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createSqliteAttempts } from '../../../functions/adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../../../functions/adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../../../functions/adapters/sqlite/memo.ts';
import { createSqlitePins } from '../../../functions/adapters/sqlite/pins.ts';
import { createSqlitePruning, type PruningStep } from '../../../functions/adapters/sqlite/pruning.ts';
import { createSqliteQueue } from '../../../functions/adapters/sqlite/queue.ts';
import { createSqliteReports } from '../../../functions/adapters/sqlite/reports.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../../../functions/adapters/sqlite/tasks.ts';
import { createSqliteWebhooks } from '../../../functions/adapters/sqlite/webhooks.ts';
import { requestKey, retryKey } from '../../../functions/coordination/lease-keys.ts';
import type { Claim } from '../../../functions/model/task.ts';
import { recallUrl, rememberUrl } from '../../../functions/pipeline/known-url.ts';
import { numbers } from '../../contracts/harness.ts';
import { SAMPLE_PROFILE, sampleReport, sampleTask } from '../../contracts/samples.ts';
import { SEAL } from '../../fixtures/system/seal.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const DAY_MS = 24 * 3_600_000;
const TASK_DAYS = 30;

/** The adapters of one machine, on a clock that the test sets. */
async function scene() {
  await using started = new AsyncDisposableStack();
  const dir = started.use(await tempDir());
  const database = started.use(openDatabase(join(dir.path, 'db.sqlite')));
  const clock = { at: Date.parse('2026-01-01') };
  const now = () => clock.at;
  /** Of leases: behind the other one by the time that the machine has slept. */
  const awake = { slept: 0 };
  const leaseNow = () => clock.at - awake.slept;
  const on = { database, now, seal: SEAL };
  const pruning = createSqlitePruning({ database, now, leaseNow, taskDays: TASK_DAYS });
  const own = {
    dir: dir.path,
    database,
    clock,
    awake,
    pruning,
    tasks: createSqliteTasks(on),
    reports: createSqliteReports(on),
    pins: createSqlitePins(on),
    leases: createSqliteLeases({ database, now: leaseNow }),
    attempts: createSqliteAttempts(on),
    memo: createSqliteMemo(on),
    queue: createSqliteQueue(on),
    webhooks: createSqliteWebhooks(on),
  };
  const running = started.move();
  return {
    ...own,
    /** A task whose combinations have reported, and which has ended unless `open`. */
    async ended({ combinations = 3, claim, open = false }: Options = {}) {
      const task = sampleTask({ combinations });
      task.folder.id = task.id;
      assert.ok(await own.tasks.create(task, claim));
      for (const at of numbers(combinations)) await own.reports.report(task.id, sampleReport(at + 1));
      await own.pins.write(task.id, 'profile', SAMPLE_PROFILE);
      await own.queue.publish([{ topic: 'render', taskId: task.id, index: 1 }]);
      if (!open) await own.tasks.finish(task.id);
      return task;
    },
    prune: () => pruneAll(pruning.step),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface Options {
  combinations?: number;
  claim?: Claim;
  open?: boolean;
}

function pruneAll(step: () => PruningStep): PruningStep[] {
  const steps = [step()];
  while (steps.at(-1)?.more) steps.push(step());
  return steps;
}

function rowsIn(database: Database): Record<string, number> {
  const tables = [
    'tasks',
    'summaries',
    'reports',
    'pins',
    'messages',
    'claims',
    'attempts',
    'leases',
    'memos',
    'pruned',
    'webhooks',
  ];
  return Object.fromEntries(
    tables.map((table) => [
      table,
      database.row<{ rows: number }>(`SELECT count(*) AS rows FROM ${table}`)?.rows ?? -1,
    ]),
  );
}

describe('the sqlite database of a service that runs for years', () => {
  it('keeps an ended task for TASK_DAYS, and then removes it with all that belongs to it', async () => {
    await using s = await scene();
    const claim = { key: requestKey('a'), fingerprint: 'f', ttlMs: DAY_MS };
    const task = await s.ended({ claim });
    await s.webhooks.ask(task.id, s.clock.at);
    await s.queue.publish([{ topic: 'webhook', taskId: task.id }]);
    await s.leases.take('prepare/x/0', 1000);
    await s.attempts.record('prepare/x/0', 'failure');
    await rememberUrl(s.memo, 'https://example.com/a.mp4', { content: 'abc', validator: { etag: '"1"' } });
    s.clock.at += TASK_DAYS * DAY_MS;
    s.prune();
    assert.deepEqual(await s.tasks.get(task.id), task);
    assert.equal((await s.reports.list(task.id, 1, 9)).length, 3);
    s.clock.at += 1;
    s.prune();
    assert.equal(await s.tasks.progress(task.id), undefined);
    s.clock.at += 4 * DAY_MS;
    s.prune();
    const left = rowsIn(s.database);
    assert.deepEqual(
      Object.entries(left).filter(([, rows]) => rows !== 0),
      [],
    );
  });

  it('never removes a task that has not ended, nor anything of it', async () => {
    await using s = await scene();
    const task = await s.ended({ open: true, claim: { key: retryKey('old'), fingerprint: '', ttlMs: null } });
    s.clock.at += 10 * 365 * DAY_MS;
    s.prune();
    assert.deepEqual(await s.tasks.get(task.id), task);
    const { tasks, reports, pins, messages, claims } = rowsIn(s.database);
    assert.deepEqual([tasks, reports, pins, messages, claims], [1, 3, 1, 1, 1]);
  });

  it('keeps a task that cannot be read for TASK_DAYS from the first start without its key', async () => {
    await using s = await scene();
    const [lost, unsealed, back, readable] = await Promise.all(numbers(4).map(() => s.ended({ open: true })));
    s.database.run('UPDATE tasks SET seal = NULL WHERE id = ?', unsealed?.id ?? '');
    s.clock.at += 100 * DAY_MS;
    const ids = (...tasks: (typeof lost)[]) => tasks.map((task) => task?.id ?? '');
    assert.deepEqual(s.pruning.noteUnreadable(ids(lost, unsealed, back)), { unsealed: 1 });
    s.clock.at += 20 * DAY_MS;
    assert.deepEqual(s.pruning.noteUnreadable(ids(lost, unsealed)), { unsealed: 1 });
    s.clock.at += 10 * DAY_MS;
    s.prune();
    assert.equal(rowsIn(s.database)['tasks'], 4);
    s.clock.at += 1;
    s.prune();
    assert.deepEqual(await s.tasks.unfinished(9), ids(back, readable));
    const { reports, pins, messages } = rowsIn(s.database);
    assert.deepEqual([reports, pins, messages], [6, 2, 2]);
  });

  it('removes the claim of a retry with the task that is retried, and the retry later', async () => {
    await using s = await scene();
    const first = await s.ended();
    s.clock.at += 20 * DAY_MS;
    const retry = await s.ended({ claim: { key: retryKey(first.id), fingerprint: '', ttlMs: null } });
    await s.ended({ open: true, claim: { key: retryKey('another'), fingerprint: '', ttlMs: null } });
    s.clock.at += 20 * DAY_MS;
    s.prune();
    assert.equal(await s.tasks.claimed(retryKey(first.id)), undefined);
    assert.deepEqual([await s.tasks.progress(first.id), rowsIn(s.database)['claims']], [undefined, 1]);
    assert.deepEqual(await s.tasks.get(retry.id), retry);
    s.clock.at += 20 * DAY_MS;
    s.prune();
    assert.equal(rowsIn(s.database)['tasks'], 1);
  });

  it('keeps what is remembered across tasks for as long as it is used', async () => {
    await using s = await scene();
    const [folder, url] = ['drive/folder/parent/Name', 'https://example.com/a.mp4?X-Signature=secret'];
    const known = { content: 'abc', validator: { etag: '"1"' } };
    assert.equal(await s.memo.settle(folder, 'id-1'), 'id-1');
    await s.memo.settle('unused', 'id-2');
    await rememberUrl(s.memo, url, known);
    for (let weeks = 0; weeks < 20; weeks++) {
      s.clock.at += 7 * DAY_MS;
      s.prune();
      assert.equal(await s.memo.settle(folder, 'another'), 'id-1');
      assert.deepEqual(await recallUrl(s.memo, url), known);
    }
    assert.equal(rowsIn(s.database)['memos'], 2);
    s.clock.at += (TASK_DAYS + 4) * DAY_MS;
    s.prune();
    assert.equal(rowsIn(s.database)['memos'], 0);
  });

  it('keeps leases of a machine that sleeps for days, and removes them by the time awake', async () => {
    await using s = await scene();
    const sleep = () => {
      s.clock.at += 40 * DAY_MS;
      s.awake.slept += 40 * DAY_MS;
      s.prune();
    };
    sleep();
    const held = await s.leases.take('held', 60_000);
    const released = await s.leases.take('released', 60_000);
    assert.ok(held && released);
    await s.leases.release(released);
    sleep();
    assert.deepEqual(await s.leases.read(['held', 'released']), ['held', 'released']);
    assert.equal(await s.leases.renew(held, 60_000), true);
    assert.equal(await s.leases.take('held', 60_000), undefined);
    s.clock.at += 2 * DAY_MS + 60_001;
    s.prune();
    assert.equal(rowsIn(s.database)['leases'], 0);
  });

  it('tells the next holder of a crash before a restart, however long the machine had slept or was off', async () => {
    await using s = await scene();
    s.awake.slept = 40 * DAY_MS;
    await s.leases.take('held', 60_000);
    // The clock of the next host begins at the time of day, and is not behind.
    s.awake.slept = 0;
    s.clock.at += 5 * DAY_MS;
    assert.equal(s.leases.lapseLeases(), 1);
    s.prune();
    assert.deepEqual(await s.leases.read(['held']), ['lapsed']);
    // But not for ever, also if hosts come and go.
    for (let days = 0; days <= 2; days++) {
      s.clock.at += DAY_MS;
      assert.equal(s.leases.lapseLeases(), 0);
      s.prune();
    }
    assert.equal(rowsIn(s.database)['leases'], 0);
  });

  it('removes leases of a host whose clock was far ahead', async () => {
    await using s = await scene();
    await s.leases.take('held', 60_000);
    const released = await s.leases.take('released', 60_000);
    if (released) await s.leases.release(released);
    s.clock.at -= 1_000 * DAY_MS;
    s.leases.lapseLeases();
    assert.deepEqual(await s.leases.read(['held', 'released']), ['lapsed', 'released']);
    s.clock.at += 3 * DAY_MS;
    s.prune();
    assert.equal(rowsIn(s.database)['leases'], 0);
  });

  it('is pruned in short steps, and nobody sees the rest of a task that is gone', async () => {
    await using s = await scene();
    const task = await s.ended({ combinations: 1_200 });
    s.clock.at += (TASK_DAYS + 1) * DAY_MS;
    const first = s.pruning.step();
    assert.deepEqual([first.tasks, first.more], [1, true]);
    assert.ok(first.rows <= 500, `${first.rows} rows in one step`);
    assert.ok((rowsIn(s.database)['reports'] ?? 0) > 0);
    assert.equal(await s.tasks.progress(task.id), undefined);
    // As after a restart, which begins with a new step.
    const { pruning: _, ...rest } = s;
    const again = createSqlitePruning({
      database: rest.database,
      now: () => s.clock.at,
      leaseNow: () => s.clock.at,
      taskDays: TASK_DAYS,
    });
    for (const { rows } of pruneAll(again.step)) assert.ok(rows <= 500);
    const { reports, pins, messages, pruned } = rowsIn(s.database);
    assert.deepEqual([reports, pins, messages, pruned], [0, 0, 0, 0]);
  });

  it('uses the space again', async () => {
    await using s = await scene();
    const pages = () => s.database.row<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0;
    const month = async () => {
      for (const _ of numbers(5)) await s.ended({ combinations: 50 });
      s.clock.at += (TASK_DAYS + 1) * DAY_MS;
      s.prune();
    };
    await month();
    const before = pages();
    for (const _ of numbers(4)) await month();
    assert.ok(pages() <= before * 1.1, `${before} pages, later ${pages()}`);
  });

  it('has no trace of the URLs of a removed task in its files once it is closed', async () => {
    await using s = await scene();
    const task = sampleTask({ combinations: 1 });
    task.folder.id = task.id;
    task.metadata = { note: 'X-Goog-Signature=5ec2e7' };
    await s.tasks.create(task);
    await s.tasks.finish(task.id);
    const traces = async () => {
      const files = await Promise.all((await readdir(s.dir)).map((name) => readFile(join(s.dir, name))));
      return files.filter((content) => content.includes('5ec2e7')).length;
    };
    assert.ok((await traces()) > 0);
    s.clock.at += (TASK_DAYS + 1) * DAY_MS;
    s.prune();
    s.database.close();
    assert.equal(await traces(), 0);
  });
});
