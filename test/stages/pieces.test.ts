import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makePieceKey } from '../../functions/coordination/lease-keys.ts';
import type { PieceName } from '../../functions/model/pieces.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import type { Artifacts } from '../../functions/pipeline/artifacts.ts';
import type { PreparedArtifact } from '../../functions/pipeline/check-prepared.ts';
import { publishLost } from '../../functions/pipeline/lost-messages.ts';
import { remakePieceInPrepare } from '../../functions/pipeline/video-pieces.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { DELIVERY, delivery, useStages } from '../fixtures/hosts/stages.ts';
import { captions } from '../fixtures/media/captions.ts';

describe('a piece of a task', () => {
  const s = useStages();

  const BEST = 'cover-0-best' as PieceName;
  const taskWith = (cover: { atSeconds: number | null }, clips = ['/a.mp4'], more = ['/b.mp4', '/c.mp4']) => {
    s.server.set('/c.mp4', { body: s.clip });
    return s.createTask({ clips, more, decided: true, plan: { cover } });
  };
  const make = (task: Task, piece: PieceName, change: Partial<typeof s.deps> = {}) =>
    prepare({ topic: 'prepare', taskId: task.id, source: 0, piece }, delivery(), { ...s.deps, ...change });

  test('is asked for once by the sources that make it possible, and not by each render', async () => {
    const task = await taskWith({ atSeconds: null });
    await s.prepareAll(task);
    assert.equal(s.waiting()['prepare'], 1, 'one cover for both videos');
    assert.equal(s.waiting()['render'], 0);
    await s.renderOne(task, 1);
    await s.renderOne(task, 2);
    assert.equal(s.waiting()['prepare'], 1);
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 2), []);
  });

  test('is asked for by a render if that message was lost', async () => {
    const task = await taskWith({ atSeconds: null });
    await s.prepareAll(task);
    s.local.endRests();
    await s.renderOne(task, 1);
    assert.equal(s.waiting()['prepare'], 2);
  });

  test('whose message is lost is asked for by the sweep, and so are the videos that it had to publish', async () => {
    const task = await taskWith({ atSeconds: null });
    const sent: string[] = [];
    const queue: typeof s.deps.queue = {
      ...s.deps.queue,
      has: async () => false,
      async publish(messages) {
        sent.push(...messages.map((one) => (one.topic === 'prepare' ? `${one.piece}` : one.topic)));
      },
    };
    const lost = { ...s.deps, queue };
    for (const source of task.plan.sources.keys())
      await prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), lost);
    sent.length = 0;
    assert.equal(await publishLost(task, 600_000, lost), 1);
    assert.deepEqual(sent, [BEST]);
    await make(task, BEST, { queue });
    sent.length = 0;
    s.local.endRests();
    assert.equal(await publishLost(task, 600_000, lost), 2);
    assert.deepEqual(sent, ['render', 'render']);
  });

  test('is made once, and publishes all videos that need it, again with each redelivery', async () => {
    const task = await taskWith({ atSeconds: null });
    await s.prepareAll(task);
    await Promise.all([1, 2, 3].map(() => make(task, BEST)));
    assert.equal(s.logged('piece.prepared').length, 1);
    const published = s.waiting()['render'] ?? 0;
    assert.ok(published >= 2);
    // Its process died before it had published them.
    await make(task, BEST);
    assert.equal(s.waiting()['render'], published + 2);
  });

  test('of another time is a frame of the clip that is shown then', async () => {
    const task = await taskWith({ atSeconds: 1.2 });
    const asked: (string | undefined)[] = [];
    const queue: typeof s.deps.queue = {
      ...s.deps.queue,
      async publish(messages) {
        for (const message of messages) if (message.topic === 'prepare') asked.push(message.piece);
      },
    };
    for (const source of task.plan.sources.keys())
      await prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), { ...s.deps, queue });
    const [pin] = await s.deps.pins.read(task.id, ['prepared-0']);
    const frames = pin?.error === undefined ? (pin?.frames ?? 0) : 0;
    const rate = 30;
    const at = Math.floor(1.2 * rate);
    const expected = at < frames ? [`cover-0-${at}`] : [`cover-1-${at - frames}`, `cover-2-${at - frames}`];
    assert.deepEqual(asked.toSorted(), expected);
  });

  test('that cannot be made fails the videos that need it, and no others', async () => {
    const task = await taskWith({ atSeconds: null }, ['/a.mp4', '/b.mp4'], ['/c.mp4']);
    await s.prepareAll(task);
    await deadLetter(
      {
        topic: 'dead-letter',
        taskId: task.id,
        message: { topic: 'prepare', taskId: task.id, source: 0, piece: BEST },
        reason: 'no luck',
      },
      DELIVERY,
      s.deps,
    );
    await make(task, 'cover-1-best');
    await s.renderOne(task, 1);
    await s.renderOne(task, 2);
    const reports = await s.deps.reports.list(task.id, 1, 2);
    assert.deepEqual(
      reports.map(({ status, error }) => [status, error?.code]),
      [
        ['failed', 'undeliverable'],
        ['succeeded', undefined],
      ],
    );
  });

  test('whose process dies again and again fails, as a clip does', async () => {
    const task = await taskWith({ atSeconds: null });
    await s.prepareAll(task);
    await s.dieOver(makePieceKey(task.id, BEST), 6);
    await make(task, BEST);
    const [pin] = await s.deps.pins.read(task.id, [`piece-${BEST}`]);
    assert.equal(pin?.error?.code, 'crash_loop');
  });

  test('of a name that the task does not need is not made', async () => {
    const task = await taskWith({ atSeconds: null });
    await s.prepareAll(task);
    for (const name of ['cover-0-3', 'cover-9-best', 'captioned-0-1-0'] as PieceName[])
      await make(task, name);
    assert.deepEqual(s.logged('piece.prepared'), []);
  });

  test('with captions is as long as its clip, even if its last picture is held for another time', async () => {
    const lines = [{ text: 'Go', voice: 'en' }];
    const plan = { lines, captions: captions([], 'burn') };
    const task = await s.createTask({ clips: ['/a.mp4'], decided: true, plan });
    const plain = await s.createTask({ clips: ['/a.mp4'], decided: true });
    await s.prepareAll(plain);
    const [profile, clip] = await s.deps.pins.read(plain.id, ['profile', 'prepared-0']);
    assert.ok(clip !== undefined && 'frames' in clip);
    await s.deps.pins.write(task.id, 'profile', profile as never);
    await s.deps.pins.write(task.id, 'prepared-0', { ...clip, frames: 31 } as Prepared);
    await s.prepareAll(task);
    await make(task, 'captioned-0-1-0');
    const [pin] = await s.deps.pins.read(task.id, ['piece-captioned-0-1-0']);
    assert.equal(pin?.error, undefined, pin?.error?.message);
    using made = await s.deps.artifacts.open<PreparedArtifact['meta']>(
      pin?.artifacts[0] ?? '',
      DELIVERY.signal,
    );
    assert.equal(made?.meta.frames, 31);
  });

  for (const remade of ['here', 'in prepare'] as const) {
    test(`is made again ${remade} if it was removed to make room`, async () => {
      const task = await taskWith({ atSeconds: null });
      await s.prepareAll(task);
      await make(task, BEST);
      const [pin] = await s.deps.pins.read(task.id, [`piece-${BEST}`]);
      assert.ok(pin?.error === undefined && pin !== undefined);
      let lost = true;
      const open: Artifacts['open'] = async (key, signal) =>
        lost && key === pin.artifacts[0] ? undefined : s.deps.artifacts.open(key, signal);
      const artifacts: Artifacts = { ...s.deps.artifacts, open, look: open };
      const change =
        remade === 'here'
          ? { artifacts }
          : { artifacts, remakePiece: remakePieceInPrepare({ ...s.deps, artifacts }) };
      if (remade === 'in prepare') {
        await assert.rejects(s.renderOne(task, 1, change), { code: 'waiting' });
        const before = s.logged('piece.prepared').length;
        await make(task, BEST, { artifacts });
        assert.equal(s.logged('piece.prepared').length, before + 1);
        lost = false;
      }
      await s.renderOne(task, 1, change);
      const [report] = await s.deps.reports.list(task.id, 1, 1);
      assert.equal(report?.status, 'succeeded');
    });
  }
});
