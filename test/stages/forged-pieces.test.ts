import assert from 'node:assert/strict';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { PlanInput } from '../../functions/model/make-plan.ts';
import type { Prepared } from '../../functions/model/pins.ts';
import type { Task } from '../../functions/model/task.ts';
import { COVER } from '../../functions/pipeline/prepare-piece.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { DELIVERY, delivery, useStages } from '../fixtures/hosts/stages.ts';
import { captions } from '../fixtures/media/captions.ts';

const HASH = 'c'.repeat(64);
const JPEG = Buffer.from('ffd8ffe000104a46494600010100000100010000ffd9', 'hex');

describe('what a taken-over prepare writes in place of a piece, or of what pieces are counted from', () => {
  const s = useStages();
  const withCover = { cover: { atSeconds: 0 } } satisfies Partial<PlanInput>;
  const burned = {
    lines: [{ text: 'Go', voice: 'en' }],
    captions: captions([], 'burn'),
  } satisfies Partial<PlanInput>;
  const taskOf = (plan: Partial<PlanInput>) => s.createTask({ clips: ['/a.mp4'], decided: true, plan });

  /** Its message is nothing worse than a failure of its own videos, which are not saved. */
  async function failed(task: Task): Promise<string> {
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.status, 'failed', JSON.stringify(report));
    assert.deepEqual(await readdir(task.folder.id), []);
    return report?.error?.message ?? '';
  }

  test('a length that is no number of frames, or a rate that is none, names no pieces and fails its videos', async () => {
    for (const plan of [withCover, burned]) {
      for (const wrong of [
        ...[{ frames: '0/../../tasks/x' }, { frames: 1e15 }, { frames: -1 }, { samples: '1' }],
        'profile',
      ]) {
        const task = await taskOf(plan);
        const first = await taskOf({});
        await s.prepareAll(first);
        const [pin] = await s.deps.pins.read(first.id, ['prepared-0']);
        const rate = { num: 30, den: wrong === 'profile' ? 0 : 1 };
        const profile = { width: 160, height: 90, rate, fit: 'contain' as const, background: '#000000' };
        await s.deps.pins.write(task.id, 'profile', profile);
        const forged = typeof wrong === 'string' ? pin : { ...pin, ...wrong };
        await s.deps.pins.write(task.id, 'prepared-0', forged as Prepared);
        for (const source of task.plan.sources.keys())
          await prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), s.deps);
        assert.match(await failed(task), /Expected a prepared clip/);
      }
    }
  });

  for (const [what, bytes] of [
    ['is missing', undefined],
    ['is no JPEG', Buffer.from('<svg onload="x"/>')],
    ['ends early', JPEG.subarray(0, -1)],
    ['is larger than any cover', Buffer.concat([JPEG, Buffer.alloc(33 * 2 ** 20), JPEG])],
  ] as const) {
    test(`a cover that ${what} is not saved`, async () => {
      const task = await taskOf(withCover);
      await s.prepareAll(task);
      const make = async (dir: string) => {
        if (bytes !== undefined) await writeFile(join(dir, COVER), bytes);
        return {};
      };
      (await s.deps.artifacts.getOrCreate(`cover/${HASH}`, make, DELIVERY))[Symbol.dispose]();
      await s.deps.pins.write(task.id, 'piece-cover-0-0', { artifacts: [`cover/${HASH}`] });
      assert.match(await failed(task), /Expected a prepared cover/);
    });
  }

  test('a clip with captions that is longer or shorter than the clip is not shown', async () => {
    const task = await taskOf(burned);
    await s.prepareAll(task);
    const [clip] = await s.deps.pins.read(task.id, ['prepared-0']);
    assert.ok(clip?.error === undefined && clip !== undefined);
    await s.deps.pins.write(task.id, 'piece-captioned-0-1-0', { artifacts: [clip.artifact] });
    const other = await s.createTask({ clips: ['/a.mp4'], decided: true, plan: burned });
    const [profile] = await s.deps.pins.read(task.id, ['profile']);
    await s.deps.pins.write(other.id, 'profile', profile as never);
    await s.deps.pins.write(other.id, 'prepared-0', { ...clip, frames: clip.frames + 1 });
    await s.prepareAll(other);
    await s.deps.pins.write(other.id, 'piece-captioned-0-1-0', { artifacts: [clip.artifact] });
    assert.match(await failed(other), /Expected a prepared clip with 31 frames, got 30/);
    await rm(task.folder.id, { recursive: true, force: true });
  });
});
