import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import type { CopyCheck } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { createJoins, type JoinsDeps, LOST_MS } from '../../functions/pipeline/decide-join.ts';
import type { PinStore } from '../../functions/ports/pins.ts';
import { LOST_AFTER_MS } from '../../functions/stages/sweep.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const HEADER = 'a'.repeat(64);
const FIT: CopyCheck = { header: HEADER };
const UNFIT: CopyCheck = { refused: 'has 25 frames per second, the videos 30' };
const PATIENCE_MS = 15_000;
const MOST_PATIENCE_MS = 60_000;
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

  /** With a queue of their own, whose prepares are listed. */
  function joinsOf(change: Partial<JoinsDeps> = {}) {
    const published: number[] = [];
    const queue: JoinsDeps['queue'] = {
      async publish(messages) {
        for (const one of messages) if (one.topic === 'prepare') published.push(one.source);
      },
    };
    return { ...createJoins({ ...s.deps, queue, ...change }), published };
  }
  const look = (task: Task, number: number, check: CopyCheck, joins = joinsOf()) =>
    joins.joinOf(task, number, async () => check);
  const unseen = () => assert.fail('was looked at');
  const threeClips = () => s.createTask({ clips: ['/a.mp4', '/b.mp4', '/c.mp4'] });
  const tooLate = (by: number) =>
    ({ ...{ video: 'encoded', by }, reason: `clip "${'abc'[by]}" came too late to be looked at` }) as const;

  test('all messages but the last one end, and that one decides and publishes them', async () => {
    const task = await threeClips();
    const joins = joinsOf({ now: () => 5 });
    assert.equal(await look(task, 0, FIT, joins), undefined);
    assert.equal(await look(task, 1, FIT, joins), undefined);
    assert.deepEqual(joins.published, []);
    const join = await look(task, 2, FIT, joins);
    assert.deepEqual(join, { video: 'copied', header: HEADER, by: 2 });
    assert.deepEqual(joins.published, [0, 1]);
    assert.deepEqual(await joins.joinOf(task, 0, unseen), join);
    assert.deepEqual(await s.deps.pins.read(task.id, ['copy-0']), [{ header: HEADER, at: 5 }]);
    assert.deepEqual(
      s.logged('task.joined').map(({ video, reason, severity }) => [video, reason, severity]),
      [['copied', null, 'INFO']],
    );
  });

  test('the first clip that cannot be copied decides for all, whatever is missing', async () => {
    const task = await threeClips();
    const joins = joinsOf();
    await look(task, 2, FIT, joins);
    const join = await look(task, 1, UNFIT, joins);
    assert.deepEqual(join, {
      video: 'encoded',
      reason: 'clip "b" has 25 frames per second, the videos 30',
      by: 1,
    });
    assert.deepEqual(joins.published, [2]);
    // Whoever comes later does not look at its clip.
    assert.deepEqual(await joins.joinOf(task, 0, unseen), join);
  });

  test('clips of different headers are encoded, whatever is missing', async () => {
    const task = await threeClips();
    await look(task, 0, FIT);
    assert.deepEqual(await look(task, 1, { header: 'b'.repeat(64) }), {
      ...{ video: 'encoded', by: 1 },
      reason: 'clip "b" was exported with other settings than clip "a"',
    });
  });

  test('a request that asks for encoding needs no look at any clip', async () => {
    const { plan, ...rest } = await s.createTask();
    const task: Task = { ...rest, plan: { ...plan, output: { ...plan.output, reencode: true } } };
    const joins = joinsOf();
    assert.deepEqual(await joins.joinOf(task, 1, unseen), { video: 'encoded', reason: null, by: 1 });
    await joins.resume(task, 1);
    assert.deepEqual(joins.published, []);
  });

  test('a message that comes so long after its clip was looked at that another is lost encodes without it', async () => {
    const task = await threeClips();
    let now = 0;
    const joins = joinsOf({ now: () => now });
    await look(task, 0, FIT, joins);
    now = 4_000;
    await look(task, 1, FIT, joins);
    // It came twice, and the third clip has only not begun yet.
    now = 4_000 + LOST_MS - 1;
    assert.equal(await joins.joinOf(task, 0, unseen), undefined);
    now += 1;
    assert.deepEqual(await joins.joinOf(task, 0, unseen), { ...tooLate(2), by: 0 });
    assert.deepEqual(joins.published, [1]);
  });

  test('a clip whose message was lost is looked at when the sweep repeats all, and all are copied', async () => {
    const task = await threeClips();
    let now = 0;
    const joins = joinsOf({ now: () => now });
    await look(task, 0, FIT, joins);
    await look(task, 1, FIT, joins);
    // The sweep runs every five minutes.
    now = LOST_AFTER_MS + 300_000;
    assert.equal(await joins.joinOf(task, 0, unseen), undefined);
    assert.equal(await joins.joinOf(task, 1, unseen), undefined);
    assert.equal((await look(task, 2, FIT, joins))?.video, 'copied');
  });

  test('a clip whose fetch takes too long publishes the others, which are encoded', async (t) => {
    const task = await threeClips();
    const time = fakeTime(t);
    const joins = joinsOf({ now: time.now });
    const fetched = Promise.withResolvers<string>();
    const fetching = joins.watched(task, 2, () => fetched.promise, DELIVERY.signal);
    await look(task, 0, FIT, joins);
    await time.passing(waiting(9_000));
    await look(task, 1, FIT, joins);
    await time.passing(waiting(PATIENCE_MS - 100));
    assert.deepEqual(joins.published, []);
    await time.passing(waiting(200));
    assert.deepEqual(joins.published, [0, 1]);
    assert.deepEqual(await s.deps.pins.read(task.id, ['join']), [tooLate(2)]);
    fetched.resolve('bytes');
    assert.equal(await fetching, 'bytes');
    assert.deepEqual(await joins.joinOf(task, 2, unseen), tooLate(2));
  });

  for (const [what, tookMs, patienceMs] of [
    ['as long again as the others took', 40_000, 40_000],
    ['a minute at most, however long the others took', 300_000, MOST_PATIENCE_MS],
  ] as const) {
    test(`on a slow line, a clip has ${what}`, async (t) => {
      const task = await s.createTask({ createdAt: new Date(0) });
      const time = fakeTime(t);
      const joins = joinsOf({ now: time.now });
      const fetching = joins.watched(task, 1, () => waiting(tookMs + patienceMs + 200), DELIVERY.signal);
      await time.passing(waiting(tookMs));
      await look(task, 0, FIT, joins);
      await time.passing(waiting(patienceMs - 100));
      assert.deepEqual(joins.published, []);
      await time.passing(fetching);
      assert.deepEqual(joins.published, [0]);
      assert.deepEqual(await s.deps.pins.read(task.id, ['join']), [tooLate(1)]);
    });
  }

  test('a clip that began late because nothing was free has its time', async (t) => {
    const task = await s.createTask();
    const time = fakeTime(t);
    const joins = joinsOf({ now: time.now });
    await look(task, 0, FIT, joins);
    await time.passing(waiting(60_000));
    await time.passing(joins.watched(task, 1, () => waiting(PATIENCE_MS - 100), DELIVERY.signal));
    assert.equal((await look(task, 1, FIT, joins))?.video, 'copied');
  });

  test('a clip whose message is handed back looks at once how long the others have waited', async () => {
    const task = await s.createTask();
    let now = 0;
    const joins = joinsOf({ now: () => now });
    const away = new TransientError('waiting', 'The server has time to recover.');
    const handedBack = () =>
      assert.rejects(
        joins.watched(task, 1, () => Promise.reject(away), DELIVERY.signal),
        away,
      );
    await handedBack();
    await look(task, 0, FIT, joins);
    now = PATIENCE_MS - 1;
    await handedBack();
    assert.deepEqual(joins.published, []);
    now += 1;
    await handedBack();
    assert.deepEqual(joins.published, [0]);
    assert.deepEqual(await joins.joinOf(task, 0, unseen), tooLate(1));
  });

  test('a clip whose message will rest longer than the others would wait does not hold them for that long', async () => {
    const task = await s.createTask();
    let now = 0;
    const joins = joinsOf({ now: () => now });
    await look(task, 0, FIT, joins);
    now = 3_000;
    const rests = async (retryAfterMs: number) => {
      const busy = new TransientError('waiting', 'The server is busy.', { retryAfterMs });
      await assert.rejects(
        joins.watched(task, 1, () => Promise.reject(busy), DELIVERY.signal),
        busy,
      );
    };
    await rests(PATIENCE_MS - 3_001);
    assert.deepEqual(joins.published, []);
    await rests(PATIENCE_MS - 3_000);
    assert.deepEqual(joins.published, [0]);
    assert.deepEqual(await joins.joinOf(task, 0, unseen), tooLate(1));
  });

  test('a fetch that fails for good, or is stopped, decides nothing by itself', async () => {
    const task = await s.createTask();
    let now = 0;
    const joins = joinsOf({ now: () => now });
    await look(task, 0, FIT, joins);
    now = 60_000;
    const gone = new PermanentError('source_not_found', 'download', 'Expected it, got 404.');
    await assert.rejects(
      joins.watched(task, 1, () => Promise.reject(gone), DELIVERY.signal),
      gone,
    );
    const stopped = new TransientError('waiting', 'The host stops.');
    await assert.rejects(
      joins.watched(task, 1, () => Promise.reject(stopped), AbortSignal.abort()),
      stopped,
    );
    assert.deepEqual(await s.deps.pins.read(task.id, ['join']), [undefined]);
  });

  test('a clip that fails brings the others on, if no more is missing', async () => {
    const task = await threeClips();
    const joins = joinsOf();
    await look(task, 0, FIT, joins);
    await s.deps.pins.write(task.id, 'prepared-2', FAILED);
    await joins.withoutIt(task, 2);
    assert.deepEqual(joins.published, []);
    await s.deps.pins.write(task.id, 'prepared-1', FAILED);
    await joins.withoutIt(task, 1);
    assert.deepEqual(joins.published, [0]);
    assert.deepEqual(await joins.joinOf(task, 0, unseen), { video: 'copied', header: HEADER, by: 1 });
  });

  test('if all clips fail, there is nothing to decide', async () => {
    const task = await s.createTask();
    const joins = joinsOf();
    for (const number of [0, 1]) {
      await s.deps.pins.write(task.id, `prepared-${number}`, FAILED);
      await joins.withoutIt(task, number);
    }
    assert.deepEqual(await s.deps.pins.read(task.id, ['join']), [undefined]);
  });

  test('a task that an earlier version began to encode is encoded', async () => {
    const task = await s.createTask();
    await s.deps.pins.write(task.id, 'prepared-1', PREPARED);
    assert.deepEqual(await look(task, 0, FIT), {
      ...{ video: 'encoded', by: 0 },
      reason: 'clip "b" was encoded before',
    });
  });

  test('the message of a process that died after it had decided publishes the others, and no other does', async () => {
    const task = await threeClips();
    const joins = joinsOf();
    await s.deps.pins.write(task.id, 'copy-1', { header: HEADER, at: 0 });
    await s.deps.pins.write(task.id, 'join', { video: 'copied', header: HEADER, by: 0 });
    await joins.resume(task, 1);
    assert.deepEqual(joins.published, []);
    await joins.resume(task, 0);
    assert.deepEqual(joins.published, [1]);
    await s.deps.pins.write(task.id, 'prepared-1', PREPARED);
    await joins.resume(task, 0);
    assert.deepEqual(joins.published, [1]);
  });

  test('of two that decide at the same moment, one counts and publishes all others', async () => {
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
    const joins = joinsOf({ pins });
    await look(task, 2, FIT, joins);
    for (const number of [0, 1])
      await s.deps.pins.write(task.id, `copy-${number}`, { header: HEADER, at: 0 });
    const [one, other] = await Promise.all([joins.joinOf(task, 0, unseen), joins.joinOf(task, 1, unseen)]);
    assert.equal(deciding, 2);
    assert.deepEqual(one, other);
    assert.equal(s.logged('task.joined').length, 1);
    assert.deepEqual(
      joins.published,
      [0, 1, 2].filter((clip) => clip !== one?.by),
    );
  });
});

function waiting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
