import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { joinKey } from '../../functions/coordination/lease-keys.ts';
import type { PinName } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { makeClip } from '../fixtures/media/finished.ts';

describe('preparing clips of one export', () => {
  const s = useStages();

  const prepareOf = (task: Task, source: number) => ({ topic: 'prepare', taskId: task.id, source }) as const;
  const pinsOf = (task: Task, ...names: PinName[]) => s.deps.pins.read(task.id, names);
  const isWaiting = async (task: Task, number: number) => {
    while ((await s.deps.leases.holderOf(joinKey(task.id))) !== String(number)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };

  test('copies them, with the frames that they have, and tells which way it went', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const [decided, one, other] = await pinsOf(task, 'join', 'copy-0', 'copy-1');
    assert.deepEqual(decided && 'video' in decided && decided.video, 'copied');
    assert.deepEqual(one, other);
    await s.renderOne(task, 1);
    await s.renderOne(task, 2);
    const reports = await s.deps.reports.list(task.id, 1, 2);
    assert.deepEqual(
      reports.map(({ status, durationSeconds }) => [status, durationSeconds]),
      [
        ['succeeded', 1],
        ['succeeded', 1],
      ],
    );
    assert.equal(s.logged('task.joined').length, 1);
  });

  test('encodes all of them if one has another rate', async () => {
    const slow = await makeClip(join(s.media.path, 'slow.mp4'), { colour: 'blue', rate: '25' });
    s.server.set('/slow.mp4', { body: await readFile(slow) });
    const task = await s.createTask({ clips: ['/a.mp4'], more: ['/slow.mp4'] });
    await s.prepareAll(task);
    const [decided] = await pinsOf(task, 'join');
    assert.ok(decided && 'video' in decided && decided.video === 'encoded');
    assert.match(decided.reason ?? '', /^clip "slow" .*25/);
    await s.renderOne(task, 1);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
  });

  test('a message that ends undecided pins no result, and is published by the one that decides', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4'] });
    s.server.set('/c.mp4', { body: s.clip });
    const waiting = prepare(prepareOf(task, 0), delivery(), s.deps);
    await isWaiting(task, 0);
    await prepare(prepareOf(task, 1), delivery(), s.deps);
    assert.deepEqual((await pinsOf(task, 'prepared-1'))[0], undefined);
    assert.equal(s.waiting()['prepare'], 0);
    await prepare(prepareOf(task, 2), delivery(), s.deps);
    await waiting;
    assert.equal(s.waiting()['prepare'], 1, 'clip b again');
    await prepare(prepareOf(task, 1), delivery(), s.deps);
    const ready = await pinsOf(task, 'prepared-0', 'prepared-1', 'prepared-2');
    assert.ok(ready.every((pin) => pin && !('error' in pin)));
  });

  test('a message that comes again while its first delivery still ends undecided is not lost', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4'] });
    s.server.set('/c.mp4', { body: s.clip });
    const waiting = prepare(prepareOf(task, 0), delivery(), s.deps);
    await isWaiting(task, 0);
    // Between its last look at the decision and its end, the others decide, and its next message comes.
    let again: Promise<void> | undefined;
    const leases: typeof s.deps.leases = {
      ...s.deps.leases,
      async release(lease) {
        if (lease.key.startsWith('prepare/') && again === undefined) {
          await prepare(prepareOf(task, 2), delivery(), s.deps);
          assert.equal(s.waiting()['prepare'], 1);
          again = prepare(prepareOf(task, 1), delivery(), s.deps);
          await again;
          assert.equal((await pinsOf(task, 'prepared-1'))[0], undefined, 'it is left to the first delivery');
        }
        return s.deps.leases.release(lease);
      },
    };
    await prepare(prepareOf(task, 1), delivery(), { ...s.deps, leases });
    await waiting;
    assert.ok(again);
    assert.ok((await pinsOf(task, 'prepared-1'))[0]);
  });

  test('a clip whose copy is gone is copied again, also if its task was decided long ago', async () => {
    const task = await s.createTask({ clips: ['/a.mp4'], more: ['/b.mp4'] });
    await s.prepareAll(task);
    const [before] = await pinsOf(task, 'prepared-0');
    await rm(join(s.dir.path, 'data', 'artifacts'), { recursive: true });
    await s.renderOne(task, 1);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    assert.deepEqual((await pinsOf(task, 'prepared-0'))[0], before);
  });

  test('a clip that cannot be copied any more fails, and is never mixed with others', async () => {
    const task = await s.createTask({ clips: ['/a.mp4'] });
    await s.deps.pins.write(task.id, 'join', { video: 'copied', header: '0'.repeat(64), by: 0 });
    await s.prepareAll(task);
    const [pin] = await pinsOf(task, 'prepared-0');
    assert.ok(pin && 'error' in pin);
    assert.equal(pin.error?.code, 'conform_failed');
    assert.match(pin.error?.message ?? '', /one that has another header\. Next step/);
  });

  test('a dead letter of the clip that waited brings the others back', async () => {
    const task = await s.createTask();
    await s.deps.pins.write(task.id, 'copy-1', { header: '0'.repeat(64), seconds: 1 });
    const letter = {
      topic: 'dead-letter',
      taskId: task.id,
      message: prepareOf(task, 0),
      reason: 'no luck',
    } as const;
    await deadLetter(letter, delivery(), s.deps);
    assert.equal(s.waiting()['prepare'], 1);
  });
});
