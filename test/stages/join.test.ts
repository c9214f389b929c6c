import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { PinName } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { LOST_MS } from '../../functions/pipeline/decide-join.ts';
import { publishLost } from '../../functions/pipeline/lost-messages.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { makeClip } from '../fixtures/media/finished.ts';

describe('preparing clips of one export', () => {
  const s = useStages();

  const prepareOf = (task: Task, source: number) => ({ topic: 'prepare', taskId: task.id, source }) as const;
  const pinsOf = (task: Task, ...names: PinName[]) => s.deps.pins.read(task.id, names);

  test('copies them, with the frames that they have, and tells which way it went', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const [decided, one, other] = await pinsOf(task, 'join', 'copy-0', 'copy-1');
    assert.deepEqual(decided && 'video' in decided && decided.video, 'copied');
    assert.ok(one && 'header' in one && other && 'header' in other);
    assert.equal(one.header, other.header);
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
    for (const source of [0, 1]) await prepare(prepareOf(task, source), delivery(), s.deps);
    assert.deepEqual(await pinsOf(task, 'prepared-0', 'prepared-1'), [undefined, undefined]);
    assert.equal(s.waiting()['prepare'], 0);
    await prepare(prepareOf(task, 2), delivery(), s.deps);
    assert.equal(s.waiting()['prepare'], 2);
    for (const source of [0, 1]) await prepare(prepareOf(task, source), delivery(), s.deps);
    await assertAllReady(task);
  });

  test('a message that comes again while its first delivery still ends undecided is not lost', async () => {
    const task = await s.createTask();
    // Between its last look at the decision and its end, the other decides, and its next message comes.
    let again: Promise<void> | undefined;
    const leases: typeof s.deps.leases = {
      ...s.deps.leases,
      async release(lease) {
        if (lease.key.startsWith('prepare/') && again === undefined) {
          again = prepare(prepareOf(task, 1), delivery(), s.deps);
          await again;
          assert.equal(s.waiting()['prepare'], 1);
          await prepare(prepareOf(task, 0), delivery(), s.deps);
          assert.equal((await pinsOf(task, 'prepared-0'))[0], undefined, 'it is left to the first delivery');
        }
        return s.deps.leases.release(lease);
      },
    };
    await prepare(prepareOf(task, 0), delivery(), { ...s.deps, leases });
    assert.ok(again);
    await assertAllReady(task);
  });

  test('a clip whose link is dead lets the others go on, also if its process died in between', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/missing.mp4'] });
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    const message = delivery();
    const dying: typeof s.deps.joins = {
      ...s.deps.joins,
      withoutIt: () => Promise.reject(new Error('died')),
    };
    await assert.rejects(prepare(prepareOf(task, 1), message, { ...s.deps, joins: dying }), /died/);
    assert.equal(s.waiting()['prepare'], 0);
    await prepare(prepareOf(task, 1), message, s.deps);
    assert.equal(s.waiting()['prepare'], 1);
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    const [decided, ready] = await pinsOf(task, 'join', 'prepared-0');
    assert.ok(decided && 'video' in decided && decided.video === 'copied');
    assert.ok(ready && !('error' in ready));
  });

  test('whoever decided publishes the others with each delivery, whatever becomes of its own clip', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/missing.mp4'] });
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    await s.deps.pins.write(task.id, 'join', {
      video: 'encoded',
      reason: 'clip "missing" came too late',
      by: 1,
    });
    await prepare(prepareOf(task, 1), delivery(), s.deps);
    assert.equal(s.waiting()['prepare'], 1);
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    assert.ok((await pinsOf(task, 'prepared-0'))[0]);
  });

  test('a clip that an earlier version of the service looked at is encoded', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const later = await s.createTask();
    const [fetched] = await pinsOf(task, 'fetched-0');
    assert.ok(fetched && 'probe' in fetched && fetched.probe?.video);
    const { stored, ...video } = fetched.probe.video;
    assert.ok(stored);
    await s.deps.pins.write(later.id, 'fetched-0', { ...fetched, probe: { ...fetched.probe, video } });
    await prepare(prepareOf(later, 1), delivery(), s.deps);
    await prepare(prepareOf(later, 0), delivery(), s.deps);
    await prepare(prepareOf(later, 1), delivery(), s.deps);
    const reason = 'clip "a" was looked at by an earlier version of the service';
    assert.deepEqual(await pinsOf(later, 'join'), [{ video: 'encoded', reason, by: 0 }]);
    await assertAllReady(later);
    await s.renderOne(later, 1);
    assert.equal((await s.deps.reports.list(later.id, 1, 1))[0]?.status, 'succeeded');
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

  test('a task of which a message is lost goes on with the next sweep', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4'] });
    s.server.set('/c.mp4', { body: s.clip });
    // The first two have ended undecided, the third never came.
    for (const source of [0, 1]) await prepare(prepareOf(task, source), delivery(), s.deps);
    assert.equal(await publishLost(task, 600_000, s.deps), 3);
    await s.prepareAll(task);
    // Whichever way it went, all that ended undecided was published.
    for (const source of [0, 1, 2]) await prepare(prepareOf(task, source), delivery(), s.deps);
    await assertAllReady(task);
    assert.equal(s.logged('task.joined').length, 1);
  });

  test('a task of which a message is lost for good is encoded once the others come again', async () => {
    const task = await s.createTask();
    await prepare(prepareOf(task, 0), delivery(), s.deps);
    const [copy] = await pinsOf(task, 'copy-0');
    assert.ok(copy && 'at' in copy);
    const old = await s.createTask();
    await s.deps.pins.write(old.id, 'copy-0', { ...copy, at: copy.at - LOST_MS });
    await prepare(prepareOf(old, 0), delivery(), s.deps);
    const reason = 'clip "b" came too late to be looked at';
    assert.deepEqual(await pinsOf(old, 'join'), [{ video: 'encoded', reason, by: 0 }]);
    assert.ok((await pinsOf(old, 'prepared-0'))[0]);
  });

  test('a dead letter of the last clip that is missing brings the others on', async () => {
    const task = await s.createTask();
    const letterOf = (source: number) =>
      ({
        topic: 'dead-letter',
        taskId: task.id,
        message: prepareOf(task, source),
        reason: 'no luck',
      }) as const;
    await s.deps.pins.write(task.id, 'copy-1', { header: '0'.repeat(64), at: Date.now() });
    await deadLetter(letterOf(0), delivery(), s.deps);
    const decided = { video: 'copied', header: '0'.repeat(64), by: 0 };
    assert.deepEqual(await pinsOf(task, 'join'), [decided]);
    assert.equal(s.waiting()['prepare'], 1);
  });

  test('a dead letter of the clip that had decided brings the others on', async () => {
    const task = await s.createTask();
    await s.deps.pins.write(task.id, 'copy-1', { header: '0'.repeat(64), at: Date.now() });
    await s.deps.pins.write(task.id, 'join', { video: 'encoded', reason: null, by: 0 });
    const message = prepareOf(task, 0);
    await deadLetter(
      { topic: 'dead-letter', taskId: task.id, message, reason: 'no luck' },
      delivery(),
      s.deps,
    );
    assert.equal(s.waiting()['prepare'], 1);
  });

  async function assertAllReady(task: Task): Promise<void> {
    const names = task.plan.sources.map((_, source) => `prepared-${source}` as const);
    const ready = await pinsOf(task, ...names);
    assert.ok(ready.every((pin) => pin && !('error' in pin)));
  }
});
