/** The status of a task, on the real stores, at each point of its life. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import { cancelTask } from '../../functions/http/cancel.ts';
import { retryTask } from '../../functions/http/retry.ts';
import { statusView } from '../../functions/http/task-status.ts';
import type { Task } from '../../functions/model/task.ts';
import { complete } from '../../functions/stages/complete.ts';
import { samplePrepared, sampleReport } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';

const BASE = 'http://127.0.0.1:8080';

const FAILURE = { code: 'source_not_found', message: 'Gone.', stage: 'download' } as const;
const MINUTE_MS = 60_000;

describe('the status of a task', () => {
  const s = useStages();
  const statusOf = async (task: Task, now?: () => number) =>
    (await statusView(task.id, BASE, { ...s.deps, ...(now ? { now } : {}) })) as Json;
  const expectStatus = async (task: Task, wanted: string) =>
    assert.equal((await statusOf(task))['status'], wanted);
  const taskOf = (count: number) =>
    s.createTask({ clips: Array.from({ length: count }, (_, at) => `/${at}.mp4`) });
  const report = (task: Task, index: number, status: 'succeeded' | 'failed' | 'cancelled') =>
    s.deps.reports.report(
      task.id,
      sampleReport(index, { status, error: status === 'failed' ? FAILURE : null }),
    );

  test('is queued, then preparing, then rendering, whatever has failed meanwhile', async () => {
    const task = await taskOf(30);
    await expectStatus(task, 'queued');
    await s.deps.leases.take(prepareKey(task.id, 1), MINUTE_MS);
    await expectStatus(task, 'preparing');
    await s.deps.pins.write(task.id, 'prepared-0', { error: FAILURE });
    await report(task, 1, 'failed');
    await s.deps.pins.write(task.id, 'prepared-1', samplePrepared('one'));
    await expectStatus(task, 'preparing');
    const { sources, prepared } = await statusOf(task);
    assert.deepEqual([sources, prepared], [30, 1]);
    await s.deps.leases.take(renderKey(task.id, 2), MINUTE_MS);
    await expectStatus(task, 'rendering');
  });

  test('is preparing from the first pin on', async () => {
    const task = await taskOf(2);
    await s.deps.pins.write(task.id, 'fetched-0', { error: FAILURE });
    await expectStatus(task, 'preparing');
  });

  test('is rendering if the first combinations lack a source and a later one has begun', async () => {
    const task = await taskOf(30);
    await s.deps.pins.write(task.id, 'prepared-29', samplePrepared('last'));
    await s.deps.leases.take(renderKey(task.id, 26), MINUTE_MS);
    await expectStatus(task, 'rendering');
  });

  for (const [ends, wanted] of [
    [['succeeded', 'succeeded'], 'completed'],
    [['succeeded', 'failed'], 'partial'],
    [['failed', 'failed'], 'failed'],
    [['failed', 'cancelled'], 'cancelled'],
    [['succeeded', 'cancelled'], 'cancelled'],
  ] as const) {
    test(`is ${wanted} after ${ends.join(' and ')}, in the log, too, once the manifest is saved`, async () => {
      const task = await taskOf(2);
      for (const [at, end] of ends.entries()) await report(task, at + 1, end);
      assert.ok(['preparing', 'rendering'].includes(String((await statusOf(task))['status'])));
      await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
      const { status, pending, eta_seconds } = await statusOf(task);
      assert.deepEqual([status, pending, eta_seconds], [wanted, 0, 0]);
      assert.deepEqual(
        s.logged('task.completed').map((line) => line['status']),
        [wanted],
      );
    });
  }

  test('is cancelling from the answer to the cancel on, and a retry has to wait', async () => {
    const task = await taskOf(2);
    const answer = await cancelTask(task.id, BASE, s.deps);
    assert.deepEqual([answer.status, ((await answer.json()) as Json)['status']], [202, 'cancelling']);
    await expectStatus(task, 'cancelling');
    await assert.rejects(
      retryTask(new Request('http://h/', { method: 'POST' }), task.id, { ...s.deps, baseUrl: () => '' }),
      { code: 'task_running' },
    );
  });

  test('expects the end at the pace of the videos that succeed, and not before two have', async () => {
    const task = await taskOf(10);
    const eta = async () => (await statusOf(task))['eta_seconds'];
    for (const index of [1, 2, 3]) await report(task, index, 'failed');
    await report(task, 4, 'succeeded');
    assert.equal(await eta(), null);
    await new Promise((resolve) => setTimeout(resolve, 120));
    await report(task, 5, 'succeeded');
    // Five are left, at 0.12 s each or, on a busy machine, more.
    assert.ok(Number(await eta()) >= 0.6, String(await eta()));
    assert.equal((await statusOf(task, () => Date.now() + MINUTE_MS))['eta_seconds'], null);
    await s.deps.leases.take(renderKey(task.id, 10), MINUTE_MS);
    await cancelTask(task.id, BASE, s.deps);
    assert.deepEqual([(await statusOf(task))['pending'], await eta()], [1, null]);
  });
});
