import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readMp4Index } from '../../functions/media/mp4-index.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { ascii, box, mov, SAMPLES_AT, type Track, u32, zeros } from '../fixtures/media/containers.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

async function indexOf(bytes: Buffer) {
  await using dir = await tempDir();
  const file = join(dir.path, 'bytes');
  await writeFile(file, bytes);
  return readMp4Index(file);
}

const COUNTLESS = 18_000_000;
const sound = (change: Partial<Track>): Track => ({
  ...{ codec: 'sowt', kind: 'audio', size: 4, count: COUNTLESS, stts: [COUNTLESS, 2], chunks: [SAMPLES_AT] },
  ...change,
});
const EMPTY_BOXES = Array.from({ length: 30_000 }, () => box('free'));
const trun = box('trun', u32(0, COUNTLESS));

describe('the index of an MP4', () => {
  test('has as many samples as the film has frames', async () => {
    await using dir = await tempDir();
    const file = await makeFilm(join(dir.path, 'a.mp4'), { frames: 40 });
    const { brand, samples } = await readMp4Index(file);
    assert.equal(brand, 'isom');
    // With its sound.
    assert.ok(samples >= 40 && samples < 400, `${samples}`);
  });

  for (const [what, bytes, samples] of [
    ['samples that take no bytes of their own', mov(zeros(64), [sound({})]), COUNTLESS],
    ['the same in PCM, which is read by chunks', mov(zeros(64), [sound({ stts: [COUNTLESS, 1] })]), 1],
    ['several tracks', mov(zeros(64), [sound({}), sound({})]), 2 * COUNTLESS],
    ['fragments', Buffer.concat([mov(zeros(8), []), box('moof', box('traf', trun, trun))]), 2 * COUNTLESS],
    ['an index of more boxes than any film has', box('moov', ...EMPTY_BOXES), Number.POSITIVE_INFINITY],
    ['an MP3', ascii(`ID3${'\0'.repeat(100)}`), 0],
    ['nothing', Buffer.alloc(0), 0],
    ['a box that claims to be larger than the file', Buffer.concat([u32(4_000), ascii('moov'), zeros(9)]), 0],
    ['a box that claims to be smaller than its header', Buffer.concat([u32(3), ascii('moov'), zeros(9)]), 0],
    ['boxes within boxes without end', nested(5_000), 0],
  ] as const) {
    test(`counts ${samples} for ${what}`, async () => {
      assert.equal((await indexOf(bytes)).samples, samples);
    });
  }

  test('tells photos from films by their brand', async () => {
    for (const brand of ['heic', 'avif'])
      assert.equal((await indexOf(box('ftyp', ascii(brand)))).brand, brand);
  });
});

function nested(depth: number): Buffer {
  return Buffer.concat(
    Array.from({ length: depth }, (_, at) => Buffer.concat([u32((depth - at) * 8), ascii('moov')])),
  );
}
