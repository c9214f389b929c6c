import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readMp4Index } from '../../functions/media/mp4-index.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { ascii, box, mov, SAMPLES_AT, type Track, u32, zeros } from '../fixtures/media/containers.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
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
const film = sound({ codec: 'png ', kind: 'video', stts: [COUNTLESS, 1] });
const often = Array.from({ length: 200 }, () => [100, 0, 0x10000]).flat();
const delayed = [100, -1, 0x10000, 100, 0, 0x10000];
const stsz = (count: number) => box('stsz', u32(0, 4, count));
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
    [
      'PCM in one enormous chunk',
      mov(zeros(64), [sound({ stts: [COUNTLESS, 1], perChunk: COUNTLESS })]),
      17_579,
    ],
    ['a film whose frames last one tick', mov(zeros(64), [film]), COUNTLESS],
    ['several tracks', mov(zeros(64), [sound({}), sound({})]), 2 * COUNTLESS],
    ['samples that an edit list shows 200 times', mov(zeros(64), [sound({ edits: often })]), 200 * COUNTLESS],
    ['a delay, which shows nothing', mov(zeros(64), [sound({ edits: delayed })]), COUNTLESS],
    ['fragments', Buffer.concat([mov(zeros(8), []), box('moof', box('traf', trun, trun))]), 2 * COUNTLESS],
    ['an unknown box at the beginning', Buffer.concat([box('junk'), mov(zeros(64), [sound({})])]), COUNTLESS],
    ['tables outside of a track', Buffer.concat([mov(zeros(8), []), box('stbl', stsz(9), stsz(8))]), 17],
    ['a track outside of the index', Buffer.concat([mov(zeros(8), []), box('trak', stsz(9))]), 9],
    ['a compressed index', box('moov', box('cmov', zeros(99))), Number.POSITIVE_INFINITY],
    ['an index of more boxes than any film has', box('moov', ...EMPTY_BOXES), Number.POSITIVE_INFINITY],
    [
      'tables of more boxes than any film has',
      box('moov', box('stbl', ...EMPTY_BOXES)),
      Number.POSITIVE_INFINITY,
    ],
    ['boxes within boxes without end', nested(5_000), Number.POSITIVE_INFINITY],
    ['an MP3', ascii(`ID3${'\0'.repeat(100)}`), 0],
    ['nothing', Buffer.alloc(0), 0],
    ['a box that claims to be larger than the file', Buffer.concat([u32(4_000), ascii('moov'), zeros(9)]), 0],
    ['a box that claims to be smaller than its header', Buffer.concat([u32(3), ascii('moov'), zeros(9)]), 0],
  ] as const) {
    test(`counts ${samples} for ${what}`, async () => {
      assert.equal((await indexOf(bytes)).samples, samples);
    });
  }

  test('counts PCM in a QuickTime film by its chunks', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'a.mov');
    await run('-f', 'lavfi', '-i', 'sine=d=15:r=48000', '-c:a', 'pcm_s16le', file);
    const { samples } = await readMp4Index(file);
    assert.ok(samples < 10_000, `${samples}`);
  });

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
