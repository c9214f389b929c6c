import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { channelOrder } from '../../functions/media/channel-order.ts';
import { probe } from '../../functions/media/probe.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import { box } from '../fixtures/media/containers.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { heard } from '../fixtures/media/tones.ts';

const { signal } = new AbortController();
/** "chan", version and flags, tag, bitmap, number of descriptions. */
const TAG = 8;

describe('the order of channels in a QuickTime file', () => {
  const { ffmpeg, at } = useMedia();

  /** 5.1 with a tone of 100 Hz times its number in each channel, and this tag in place of its own. */
  async function tagged(name: string, tag: number): Promise<string> {
    const file = at(name);
    const sines = [1, 2, 3, 4, 5, 6].map((nth) => `0.3*sin(2*PI*${nth * 400}*t+1)`).join('|');
    const source = `aevalsrc='${sines}':s=48000:c=5.1(side):d=0.5`;
    await run('-f', 'lavfi', '-i', source, '-c:a', 'pcm_s16le', file);
    const bytes = await readFile(file);
    const box = bytes.indexOf('chan', 0, 'latin1');
    assert.ok(box > 0);
    bytes.writeUInt32BE(tag, box + TAG);
    await writeFile(file, bytes);
    return file;
  }

  for (const [tag, order] of [
    [122, '6 channels (FL+FR+SL+SR+FC+LFE)'],
    [124, '6 channels (FC+FL+FR+SL+SR+LFE)'],
    // ffmpeg's own order, a bitmap of ffmpeg's own channels, another number of channels.
    [121, null],
    [1, null],
    [126, null],
  ] as const) {
    test(`is ${order ?? "ffmpeg's own"} for tag ${tag}`, async () => {
      const channels = tag === 126 ? 8 : 6;
      assert.equal(await channelOrder(await tagged('a.mov', (tag << 16) | channels), 0), order);
    });
  }

  test('is found behind and before any number of other boxes', async () => {
    const bytes = await readFile(await tagged('c.mov', (122 << 16) | 6));
    const free = Buffer.concat(Array.from({ length: 100 }, () => box('free')));
    for (const more of [
      [free, bytes],
      [bytes, free],
    ]) {
      await writeFile(at('more.mov'), Buffer.concat(more));
      assert.equal(await channelOrder(at('more.mov'), 0), '6 channels (FL+FR+SL+SR+FC+LFE)');
    }
  });

  test('is none in a file that is no MP4, has no such stream, or is broken', async () => {
    const file = await tagged('b.mov', (122 << 16) | 6);
    assert.equal(await channelOrder(file, 1), null);
    await writeFile(at('text'), 'no boxes at all, but long enough');
    assert.equal(await channelOrder(at('text'), 0), null);
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 200));
    assert.equal(await channelOrder(file, 0), null);
  });

  test('is kept: the centre is heard from both sides, and the surrounds each from theirs', async () => {
    // The centre alone: the fifth channel of MPEG 5.1 B.
    const file = at('centre.mov');
    const source = `aevalsrc='0|0|0|0|0.5*sin(2*PI*400*t+1)|0':s=48000:c=5.1(side):d=0.25`;
    await run('-f', 'lavfi', '-i', source, '-c:a', 'pcm_s16le', file);
    const bytes = await readFile(file);
    bytes.writeUInt32BE((122 << 16) | 6, bytes.indexOf('chan', 0, 'latin1') + TAG);
    await writeFile(file, bytes);
    const { audio } = await probe(ffmpeg, file, { signal });
    assert.ok(audio !== null);
    const out = at('out.s16le');
    await decodeSound(ffmpeg, { file, out, audio, maxSeconds: 10, signal });
    assert.deepEqual([await heard(out, 0), await heard(out, 1)], [[400], [400]]);
  });
});
