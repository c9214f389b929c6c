import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Report } from '../../functions/model/report.ts';
import { sweep, TASK_LIFETIME_MS } from '../../functions/stages/sweep.ts';
import { useStages } from '../fixtures/hosts/stages.ts';

describe('the sweep', () => {
  const s = useStages();

  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

  test('publishes a task whose publishing was interrupted, and leaves a fresh one alone', async () => {
    await s.createTask({ name: 'fresh' });
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [0, 0]);
    const task = await s.createTask({ name: 'old', createdAt: minutesAgo(5) });
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [2, 2]);
    assert.equal((await s.deps.tasks.progress(task.id))?.published, true);
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [2, 2]);
  });

  test('makes up for a completion check that a process died before making', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const report = (await s.deps.reports.list(task.id, 1, 1))[0] as Report;
    await s.deps.reports.report(task.id, { ...report, index: 2 });
    await sweep(s.deps);
    assert.equal(s.waiting()['complete'], 1);
  });

  test('reaches every task, even after one that cannot be repaired', async () => {
    const many = await Promise.all(
      Array.from({ length: 105 }, (_, at) => s.createTask({ name: `task ${at}`, createdAt: minutesAgo(5) })),
    );
    const broken = many[0]?.id;
    const tasks = {
      ...s.deps.tasks,
      get: (id: string) => (id === broken ? Promise.reject(new Error('unreadable')) : s.deps.tasks.get(id)),
    };
    await sweep({ ...s.deps, tasks });
    assert.equal(s.waiting()['render'], 104 * 2);
    assert.equal(s.logged('sweep.failed').length, 1);
  });

  test('requests a completion again only after ten minutes', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    for (const index of [1, 2]) await s.renderOne(task, index);
    assert.equal(s.waiting()['complete'], 1);
    await sweep(s.deps);
    await sweep(s.deps);
    assert.equal(s.waiting()['complete'], 1);
    // Ends the ten minutes that began with the first sweep.
    s.local.endRests();
    await sweep(s.deps);
    assert.equal(s.waiting()['complete'], 2);
  });

  test('ends overdue combinations, so that every task ends', async () => {
    const task = await s.createTask({ name: 'late', createdAt: new Date(Date.now() - TASK_LIFETIME_MS - 1) });
    await sweep(s.deps);
    const reports = await s.deps.reports.list(task.id, 1, 2);
    assert.deepEqual(
      reports.map(({ error }) => error?.code),
      ['overdue', 'overdue'],
    );
    assert.equal(s.waiting()['complete'], 1);
  });

  test('does not count the time that a host was off towards the lifetime of its tasks', async () => {
    const task = await s.createTask({ createdAt: new Date(Date.now() - 3 * TASK_LIFETIME_MS) });
    const upSince = Date.now();
    await sweep({ ...s.deps, upSince });
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 2), []);
    await sweep({ ...s.deps, upSince, now: () => upSince + TASK_LIFETIME_MS + 1 });
    assert.equal((await s.deps.reports.list(task.id, 1, 2)).length, 2);
  });

  test('leaves an overdue combination alone while it is being rendered', async () => {
    const createdAt = new Date(Date.now() - TASK_LIFETIME_MS - 1);
    const task = await s.createTask({ createdAt });
    const lease = await s.deps.leases.take(renderKey(task.id, 1), 60_000);
    assert.ok(lease);
    await sweep(s.deps);
    assert.deepEqual(
      (await s.deps.reports.list(task.id, 1, 2)).map(({ index }) => index),
      [2],
    );
    await s.deps.leases.release(lease);
    await sweep(s.deps);
    assert.equal((await s.deps.reports.list(task.id, 1, 2)).length, 2);
  });

  test('does not wait forever for a holder that hangs', async () => {
    const createdAt = new Date(Date.now() - TASK_LIFETIME_MS - 2 * 3_600_000);
    const task = await s.createTask({ createdAt });
    assert.ok(await s.deps.leases.take(renderKey(task.id, 1), 60_000));
    const ended = () => s.logged('sweep.repaired').filter((line) => /overdue/.test(String(line['repair'])));
    for (const _ of [1, 2]) {
      await sweep(s.deps);
      assert.equal((await s.deps.reports.list(task.id, 1, 2)).length, 2);
      assert.equal(ended().length, 1, 'said once');
    }
  });
});
