/** Messages of pictures and of the clips that they are burned into, in any order, lost or late. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Task } from '../../functions/model/task.ts';
import { deadLetter } from '../../functions/stages/dead-letter.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { ffmpeg } from '../fixtures/media/finished.ts';
import { addressOf } from '../fixtures/network/source-address.ts';

describe('the message of a picture for an overlay', () => {
  const s = useStages();

  async function taskOf(path: string): Promise<Task> {
    const image = addressOf(s.server.url(path));
    const shown = { position: 'top', width: 20, opacity: 1, from: 0, to: null, blocks: null } as const;
    return s.createTask({ plan: { overlays: [{ image, ...shown }] } });
  }
  const png = () =>
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'color=red:s=16x16:d=0.04',
      '-frames:v',
      '1',
      '-c:v',
      'png',
      '-f',
      'image2pipe',
      '-',
    );
  const send = (task: Task, source: number) =>
    prepare({ topic: 'prepare', taskId: task.id, source }, delivery(), s.deps);
  const pinsOf = (task: Task) =>
    s.deps.pins.read(
      task.id,
      task.plan.sources.map((_, source) => `prepared-${source}` as const),
    );

  test('may be lost, late or repeated: clips make what they need, once, and their renders go', async () => {
    s.server.set('/logo.png', { body: await png() });
    const task = await taskOf('/logo.png');
    const before = s.waiting()['render'] ?? 0;
    await send(task, 0);
    await send(task, 1);
    assert.equal((s.waiting()['render'] ?? 0) - before, 2);
    await send(task, 2);
    await send(task, 2);
    assert.equal(s.server.count('/logo.png'), 1);
    const pins = await pinsOf(task);
    assert.deepEqual(
      pins.map((pin) => pin?.error),
      [undefined, undefined, undefined],
    );
    assert.match(String(pins[2]?.error === undefined && pins[2]?.artifact), /^image\/[0-9a-f]{64}$/);
    assert.deepEqual((await s.deps.pins.read(task.id, ['join']))[0], {
      ...{ video: 'encoded', reason: 'an overlay is burned into clip "a"', by: 0 },
    });
  });

  test('is one line in the log if it is dead, and each clip fails by itself, whoever is first', async () => {
    s.server.set('/page.png', { body: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>') });
    const task = await taskOf('/page.png');
    const lines = s.logged('source.failed').length;
    await Promise.all([0, 1, 2].map((source) => send(task, source)));
    const pins = await pinsOf(task);
    const own = /^Expected a media file at .*, got an SVG\. Next step: export it as PNG\.$/;
    assert.match(String(pins[2]?.error?.message), own);
    for (const pin of pins.slice(0, 2)) {
      assert.match(String(pin?.error?.message), /^The image "page" of an overlay: Expected .* an SVG/);
    }
    const warned = s
      .logged('source.failed')
      .slice(lines)
      .filter((line) => line['severity'] === 'WARNING');
    assert.deepEqual(
      warned.map((line) => [line['source'], line['combinations_lost']]),
      [[2, 2]],
    );
  });

  test('that was given up fails no video, as the clips are made without it', async () => {
    s.server.set('/late.png', { body: await png() });
    const task = await taskOf('/late.png');
    const message = { topic: 'prepare', taskId: task.id, source: 2 } as const;
    const letter = { topic: 'dead-letter', taskId: task.id, message, reason: 'a test' } as const;
    await deadLetter(letter, delivery(), s.deps);
    await send(task, 0);
    await send(task, 1);
    const pins = await pinsOf(task);
    assert.deepEqual(
      pins.map((pin) => pin?.error?.code),
      [undefined, undefined, 'undeliverable'],
    );
  });
});
