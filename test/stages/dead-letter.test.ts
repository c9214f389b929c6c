import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Message } from '../../functions/model/messages.ts';
import type { Task } from '../../functions/model/task.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { measureHere } from '../fixtures/telemetry/scrape.ts';

describe('a dead letter', () => {
  const s = useStages();

  const letter = (task: Task, message: Extract<Message, { topic: 'prepare' | 'render' }>) =>
    deadLetter({ topic: 'dead-letter', taskId: task.id, message, reason: 'no luck' }, DELIVERY, s.deps);

  test('of a prepare pins its error, and the renders that need it fail', async () => {
    const task = await s.createTask();
    await letter(task, { topic: 'prepare', taskId: task.id, source: 0 });
    assert.equal(s.waiting()['render'], 1);
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.error?.code, 'undeliverable');
    assert.match(report?.error?.message ?? '', /no luck/);
  });

  test('of a prepare that is still under way, or whose process has just died, is handed back until that is known', async () => {
    const task = await s.createTask();
    const message = { topic: 'prepare', taskId: task.id, source: 0 } as const;
    const lease = await s.deps.leases.take(prepareKey(task.id, 0), 60_000, 'its message');
    assert.ok(lease);
    await assert.rejects(letter(task, message), { code: 'waiting' });
    assert.equal(s.waiting()['prepare'], 0, 'another message would be left to the holder');
    assert.deepEqual(await s.deps.pins.read(task.id, ['prepared-0']), [undefined]);
    assert.deepEqual(s.logged('message.dead_lettered'), []);
    await s.deps.leases.release(lease);
    await letter(task, message);
    assert.equal((await s.deps.pins.read(task.id, ['prepared-0']))[0]?.error?.code, 'undeliverable');
    assert.equal(s.waiting()['render'], 1);
    assert.equal(s.logged('message.dead_lettered').length, 1);
  });

  test('of a render with which nobody has begun is published again', async () => {
    const task = await s.createTask();
    await letter(task, { topic: 'render', taskId: task.id, index: 1 });
    assert.equal(s.waiting()['render'], 1);
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
  });

  test('of a render that had begun is reported as failed, and counted once, however often it comes', async () => {
    await using measured = await measureHere();
    const task = await s.createTask();
    await s.dieOver(renderKey(task.id, 1), 3);
    for (let times = 0; times < 2; times++)
      await letter(task, { topic: 'render', taskId: task.id, index: 1 });
    const ended = (await measured.read()).by('every_cut_renders_ended_total', 'error_type');
    assert.deepEqual(ended, { undeliverable: 1 });
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.deepEqual([report?.status, report?.error?.code], ['failed', 'undeliverable']);
    assert.equal(report?.attempts, 2, 'the last death is not counted yet');
  });

  test('of a render that is still under way, or whose process has just died, is handed back until that is known', async () => {
    const task = await s.createTask();
    const message = { topic: 'render', taskId: task.id, index: 1 } as const;
    const lease = await s.deps.leases.take(renderKey(task.id, 1), 60_000, 'its message');
    assert.ok(lease);
    await assert.rejects(letter(task, message), { code: 'waiting' });
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
    assert.equal(s.waiting()['render'], 0, 'another message would be left to the holder');
    await s.deps.leases.release(lease);
    await letter(task, message);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'failed');
  });
});
