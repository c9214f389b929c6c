import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Task } from '../../functions/model/task.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';

describe('a dead letter', () => {
  const s = useStages();

  const letter = (task: Task, message: Extract<Message, { topic: 'prepare' | 'render' }>) =>
    deadLetter({ topic: 'dead-letter', taskId: task.id, message, reason: 'no luck' }, DELIVERY, s.deps);

  test('of a prepare pins its error, and the renders that need it fail', async () => {
    const task = await s.createTask();
    await letter(task, { topic: 'prepare', taskId: task.id, source: 0 });
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.error?.code, 'undeliverable');
    assert.match(report?.error?.message ?? '', /no luck/);
  });

  test('of a prepare that is still under way is published again', async () => {
    const task = await s.createTask();
    await s.deps.leases.take(prepareKey(task.id, 0), 60_000);
    await letter(task, { topic: 'prepare', taskId: task.id, source: 0 });
    assert.equal(s.waiting()['prepare'], 1);
    assert.deepEqual(await s.deps.pins.read(task.id, ['prepared-0']), [undefined]);
  });

  test('of a render that has only waited is published again', async () => {
    const task = await s.createTask();
    await letter(task, { topic: 'render', taskId: task.id, index: 1 });
    assert.equal(s.waiting()['render'], 1);
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
  });

  test('of a render that had begun is reported as failed', async () => {
    const task = await s.createTask();
    await s.dieOver(renderKey(task.id, 1), 3);
    await letter(task, { topic: 'render', taskId: task.id, index: 1 });
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.deepEqual([report?.status, report?.error?.code], ['failed', 'undeliverable']);
    assert.equal(report?.attempts, 2, 'the last death is not counted yet');
  });

  test('of a render that is still under way is published again, because that render reports its own result', async () => {
    const task = await s.createTask();
    const lease = await s.deps.leases.take(renderKey(task.id, 1), 60_000);
    assert.ok(lease);
    await letter(task, { topic: 'render', taskId: task.id, index: 1 });
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
    assert.equal(s.waiting()['render'], 1);
  });
});
