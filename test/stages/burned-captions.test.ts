import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Format } from '../../functions/model/formats.ts';
import type { PieceName } from '../../functions/model/pieces.ts';
import { readCaptions } from '../../functions/model/read-fields.ts';
import type { Task } from '../../functions/model/task.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { ffmpeg } from '../fixtures/media/finished.ts';

const LINE = { text: 'One two three four five six seven eight nine ten.', voice: 'Sarah' };
const SHAPE = { fit: 'contain', background: '#000000' } as const;
const FORMATS: readonly [Format, Format] = [
  { name: 'tall', width: 180, height: 320, ...SHAPE },
  { name: 'square', width: 180, height: 180, ...SHAPE },
];

describe('burned captions', () => {
  const s = useStages();

  const taskOf = (formats?: typeof FORMATS) => {
    s.server.set('/c.mp4', { body: s.clip });
    const captions = readCaptions({ mode: 'burn', upper_case: true });
    assert.ok(captions);
    return s.createTask({
      clips: ['/a.mp4', '/b.mp4'],
      more: ['/c.mp4'],
      decided: true,
      plan: {
        lines: [LINE],
        captions,
        ...(formats && { formats, output: { ...FORMATS[0], stillSeconds: 3, fit: 'contain' } }),
      },
    });
  };

  /** Prepares all, and then the pieces that were asked for. */
  async function prepared(task: Task): Promise<PieceName[]> {
    const asked = new Set<PieceName>();
    const queue: typeof s.deps.queue = {
      ...s.deps.queue,
      async publish(messages) {
        for (const message of messages) {
          if (message.topic === 'prepare' && message.piece !== undefined) asked.add(message.piece);
        }
      },
    };
    for (const source of task.plan.sources.keys())
      await prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), { ...s.deps, queue });
    for (const piece of asked)
      await prepare({ topic: 'prepare', taskId: task.id, source: 0, piece }, delivery(), s.deps);
    return [...asked].toSorted();
  }

  /** Whether a film has any pixel that is as bright as the letters: the clips are plain red. */
  async function isLettered(file: string, seconds: string): Promise<boolean> {
    const pixels = await ffmpeg(
      '-ss',
      seconds,
      '-i',
      file,
      '-frames:v',
      '1',
      '-f',
      'rawvideo',
      '-pix_fmt',
      'gray',
      '-',
    );
    return pixels.some((pixel) => pixel > 150);
  }

  test('are made once for each clip and place, for all videos and formats, and shown where the line is spoken', async () => {
    const task = await taskOf(FORMATS);
    const asked = await prepared(task);
    const [pin] = await s.deps.pins.read(task.id, ['prepared-0']);
    assert.ok(pin !== undefined && pin.error === undefined);
    assert.deepEqual(asked, ['captioned-0-3-0', 'captioned-1-3-0', `captioned-2-3-${pin.frames}`]);
    assert.equal(s.logged('piece.prepared').length, 3);
    for (const { index } of task.plan.combinations) await s.renderOne(task, index);
    const reports = await s.deps.reports.list(task.id, 1, 4);
    assert.deepEqual(
      reports.map(({ status }) => status),
      ['succeeded', 'succeeded', 'succeeded', 'succeeded'],
    );
    for (const { fileName } of reports) {
      const file = join(task.folder.id, fileName);
      assert.ok(await isLettered(file, '0.2'), fileName);
      assert.ok(await isLettered(file, String(pin.seconds + 0.2)), fileName);
    }
  });

  test('are not shown, and nothing is encoded for them, where no word is spoken', async () => {
    const task = await s.createTask({
      clips: ['/a.mp4'],
      more: ['/b.mp4'],
      decided: true,
      plan: {
        lines: [{ text: 'Go', voice: 'Sarah' }],
        captions: readCaptions({ mode: 'burn' }) as NonNullable<ReturnType<typeof readCaptions>>,
        sound: { originalVolume: 0, duck: false, voiceOffsetSeconds: 1_000, loudness: null },
      },
    });
    assert.deepEqual(await prepared(task), []);
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.status, 'succeeded');
    assert.equal(await isLettered(join(task.folder.id, report.fileName), '0.2'), false);
  });

  test('have the frames and the sound of the clip without them, so that films of both are equally long', async () => {
    const task = await taskOf();
    const [name] = await prepared(task);
    assert.ok(name);
    const [piece, clip] = await s.deps.pins.read(task.id, [`piece-${name}`, 'prepared-0']);
    assert.ok(piece !== undefined && piece.error === undefined && 'artifacts' in piece);
    assert.ok(clip !== undefined && clip.error === undefined && 'artifact' in clip);
    using captioned = await s.deps.artifacts.open<{ frames: number; samples: number }>(
      piece.artifacts[0] as string,
      delivery().signal,
    );
    assert.deepEqual([captioned?.meta.frames, captioned?.meta.samples], [clip.frames, clip.samples]);
    assert.notEqual(captioned?.key, clip.artifact);
  });
});
