import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { joinKey } from '../../functions/coordination/lease-keys.ts';
import type { CopyCheck } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { createJoins } from '../../functions/pipeline/decide-join.ts';
import type { PinStore } from '../../functions/ports.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';

const HEADER = 'a'.repeat(64);
const FIT: CopyCheck = { header: HEADER, seconds: 1 };
const UNFIT: CopyCheck = { refused: 'has 25 frames per second, the videos 30' };
const PREPARED = {
  artifact: 'clip/x',
  seconds: 1,
  frames: 30,
  samples: 48_000,
  loudness: null,
  warnings: [],
};
const FAILED = {
  error: { code: 'source_not_found', stage: 'download', message: 'Expected it, got 404.' },
} as const;

describe('whether the clips of a task are copied', () => {
  const s = useStages();

  /** With no patience, whoever waits decides at its second look. */
  const joins = (patience = 60_000, pins: PinStore = s.deps.pins) =>
    createJoins({ ...s.deps, pins, patienceMs: { least: patience, most: patience } });
  const look = (task: Task, number: number, check: CopyCheck, own = joins()) =>
    own.joinOf(task, number, async () => check, DELIVERY.signal);
  const threeClips = () => s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4'] });
  /** The next look at the decision by whoever waits. */
  const isWaiting = async (task: Task, number: number) => {
    while ((await s.deps.leases.holderOf(joinKey(task.id))) !== String(number)) await turn();
  };
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));

  test('one message waits, the others end, and the last one decides and publishes those that have ended', async () => {
    const task = await threeClips();
    const waiting = look(task, 0, FIT);
    await isWaiting(task, 0);
    assert.equal(await look(task, 1, FIT), undefined);
    const join = await look(task, 2, FIT);
    assert.deepEqual(join, { video: 'copied', header: HEADER, by: 2 });
    assert.deepEqual(await waiting, join);
    // Not the one that decides, nor the one that waits.
    assert.equal(s.waiting()['prepare'], 1);
    assert.deepEqual(
      s.logged('task.joined').map(({ video, reason, severity }) => [video, reason, severity]),
      [['copied', null, 'INFO']],
    );
  });

  test('the first clip that cannot be copied decides for all, whatever is missing', async () => {
    const task = await threeClips();
    const waiting = look(task, 2, FIT);
    await isWaiting(task, 2);
    const join = await look(task, 1, UNFIT);
    assert.deepEqual(join, {
      video: 'encoded',
      reason: 'clip "b" has 25 frames per second, the videos 30',
      by: 1,
    });
    assert.deepEqual(await waiting, join);
    // Whoever comes later does not look at its clip.
    const late = await joins().joinOf(task, 0, () => assert.fail('was looked at'), DELIVERY.signal);
    assert.deepEqual(late, join);
  });

  test('clips of different headers are encoded', async () => {
    const task = await s.createTask();
    const waiting = look(task, 0, FIT);
    await isWaiting(task, 0);
    const join = await look(task, 1, { header: 'b'.repeat(64), seconds: 1 });
    assert.deepEqual(join, {
      ...{ video: 'encoded', by: 1 },
      reason: 'clip "b" was exported with other settings than clip "a"',
    });
    assert.deepEqual(await waiting, join);
  });

  test('a request that asks for encoding needs no look at any clip', async () => {
    const { plan, ...rest } = await s.createTask();
    const task: Task = { ...rest, plan: { ...plan, output: { ...plan.output, reencode: true } } };
    const join = await joins().joinOf(task, 1, () => assert.fail('was looked at'), DELIVERY.signal);
    assert.deepEqual(join, { video: 'encoded', reason: null, by: 1 });
  });

  test('a clip that is late is not waited for longer than encoding the others would take', async () => {
    const task = await threeClips();
    // Its message has ended.
    await s.deps.pins.write(task.id, 'copy-0', FIT);
    assert.deepEqual(await look(task, 1, FIT, joins(50)), {
      ...{ video: 'encoded', by: 1 },
      reason: 'clip "c" came too late to be looked at',
    });
    assert.equal(s.waiting()['prepare'], 1, 'the one that has ended');
  });

  test('a clip that has failed is not waited for', async () => {
    const task = await threeClips();
    await s.deps.pins.write(task.id, 'prepared-1', FAILED);
    const waiting = look(task, 0, FIT);
    await isWaiting(task, 0);
    assert.equal((await look(task, 2, FIT))?.video, 'copied');
    await waiting;
  });

  test('a clip that fails meanwhile ends the wait', async () => {
    const task = await s.createTask();
    const waiting = look(task, 0, FIT);
    await isWaiting(task, 0);
    await s.deps.pins.write(task.id, 'prepared-1', FAILED);
    assert.equal((await waiting)?.video, 'copied');
  });

  test('a task that an earlier version began to encode is encoded', async () => {
    const task = await s.createTask();
    await s.deps.pins.write(task.id, 'prepared-1', PREPARED);
    const join = await look(task, 0, FIT);
    assert.deepEqual(join, { video: 'encoded', reason: 'clip "b" was encoded before', by: 0 });
  });

  test('the message of a process that died while it waited waits anew, and does not take itself for another', async () => {
    const task = await s.createTask();
    await s.dieOver(joinKey(task.id), 0);
    const dead = await s.deps.leases.take(joinKey(task.id), 150, '0');
    assert.ok(dead);
    const again = look(task, 0, FIT);
    assert.equal(await look(task, 1, UNFIT).then((join) => join?.video), 'encoded');
    assert.equal((await again)?.video, 'encoded');
  });

  test('the message of a process that died after it had decided publishes the others', async () => {
    const task = await threeClips();
    await s.deps.pins.write(task.id, 'copy-1', FIT);
    await s.deps.pins.write(task.id, 'join', { video: 'copied', header: HEADER, by: 0 });
    await look(task, 0, FIT);
    assert.equal(s.waiting()['prepare'], 1);
    // Another message does not.
    await look(task, 1, FIT);
    assert.equal(s.waiting()['prepare'], 1);
    await s.deps.pins.write(task.id, 'prepared-1', PREPARED);
    await look(task, 0, FIT);
    assert.equal(s.waiting()['prepare'], 1);
  });

  test('of two that decide at the same moment, one counts and publishes', async () => {
    const task = await threeClips();
    const both = Promise.withResolvers<void>();
    let deciding = 0;
    const pins: PinStore = {
      ...s.deps.pins,
      async write(taskId, name, pin) {
        if (name === 'join' && ++deciding === 2) both.resolve();
        if (name === 'join') await both.promise;
        return s.deps.pins.write(taskId, name, pin);
      },
    };
    await s.deps.pins.write(task.id, 'copy-2', FIT);
    const [one, other] = await Promise.all([
      look(task, 0, FIT, joins(1, pins)),
      look(task, 1, FIT, joins(1, pins)),
    ]);
    assert.deepEqual(one, other);
    assert.equal(s.logged('task.joined').length, 1);
    // The third, which has ended, and maybe the other of the two, whose lease was not that of the one that waits.
    assert.ok((s.waiting()['prepare'] ?? 0) >= 1);
  });

  test('ends at once when the host stops, and leaves no lease', async () => {
    const task = await s.createTask();
    const stopping = new AbortController();
    const waiting = joins().joinOf(task, 0, async () => FIT, stopping.signal);
    await isWaiting(task, 0);
    stopping.abort(new Error('stopping'));
    await assert.rejects(waiting, /abort|stopping/);
    assert.deepEqual(await s.deps.leases.read([joinKey(task.id)]), ['released']);
  });
});
