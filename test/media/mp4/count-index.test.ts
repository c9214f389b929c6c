import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { children } from '../../../functions/media/mp4/boxes.ts';
import { readMp4Index } from '../../../functions/media/mp4/count-index.ts';
import { makeFilm } from '../../fixtures/media/clips.ts';
import {
  ascii,
  box,
  mov,
  SAMPLES_AT,
  type Track,
  u8,
  u32,
  u64,
  zeros,
} from '../../fixtures/media/containers.ts';
import { ffmpeg as run } from '../../fixtures/media/finished.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

async function indexOf(bytes: Buffer) {
  await using dir = await tempDir();
  const file = join(dir.path, 'bytes');
  await writeFile(file, bytes);
  // Awaited here, because the folder goes when this returns.
  return await readMp4Index(file);
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

const DATA = zeros(64);
const FOUR = { size: 16, count: 4, perChunk: 2, stts: [4, 1] };
/** Four samples in one chunk, which fill the data. */
const film4 = (chunks: number[]) => mov(DATA, [{ ...film, ...FOUR, perChunk: 4, chunks }]);
const heard = (chunks: number[]) => mov(DATA, [sound({ ...FOUR, chunks })]);
/** So many stereo samples in the 64 bytes, with the size 1 that QuickTime says in place of the real one. */
const one = (codec: string, count: number) =>
  mov(DATA, [sound({ codec, size: 1, count, perChunk: count, stts: [count, 1], chunks: [HEARD - 64] })]);
const HEARD = heard([0]).length;
const END = film4([0]).length;
const retyped = (bytes: Buffer, from: string, to: string) =>
  Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');
const moovOf = (bytes: Buffer) => bytes.subarray(bytes.indexOf('moov') - 4);

/** The samples of `film4`, 64 bytes before the end, with another table of their sizes. */
function sized(type: string, table: Buffer): Buffer {
  const bytes = film4([END + table.length - 12 - 64]);
  const at = bytes.indexOf('stsz') - 4;
  const body = Buffer.concat([bytes.subarray(at + 20), zeros(0)]);
  const made = Buffer.concat([bytes.subarray(0, at), box(type, table), body]);
  for (const holder of ['moov', 'trak', 'mdia', 'minf', 'stbl']) {
    const size = made.indexOf(holder) - 4;
    made.writeUInt32BE(made.readUInt32BE(size) + table.length - 12, size);
  }
  return made;
}

/** An index without samples, and a fragment with one sample of so many bytes in data of 64. */
function fragments(size: number, flags: number, track = 1): Buffer {
  const head = mov(zeros(0), [{ ...film, stts: [], count: 0, chunks: [] }]);
  const runs = (base: number, offset: number) => {
    const tfhd = box('tfhd', u32(flags, track), flags === 1 ? u64(base) : zeros(0));
    return box('moof', box('traf', tfhd, box('trun', u32(0x201, 1, offset, size))));
  };
  const moof = runs(0, 0).length;
  return Buffer.concat([
    head,
    flags === 1 ? runs(head.length + moof, 8) : runs(0, moof + 8),
    box('mdat', DATA),
  ]);
}

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

  for (const [what, bytes, missing] of [
    ['a picture that is whole', film4([END - 64]), 0],
    ['a picture that begins too late', film4([END - 63]), 1],
    ['sound whose last of two chunks ends too late', heard([0, heard([0, 0]).length - 14]), 18],
    [
      'chunks of more samples than there are',
      mov(DATA, [sound({ ...FOUR, perChunk: 999, chunks: [SAMPLES_AT] })]),
      0,
    ],
    ['µ-law, whose samples have one byte', one('ulaw', 32), 0],
    ['A-law that ends too early', one('alaw', 33), 2],
    ['linear sound, which has as many bits as it says', one('twos', 17), 4],
    ['sound of which only the decoder knows how many bytes it has', one('MAC3', 64), 0],
    [
      'a picture in another file',
      mov(DATA, [{ ...film, ...FOUR, chunks: [1e6], dref: box('url ', u32(0)) }]),
      0,
    ],
    ['subtitles', retyped(film4([1e6]), 'vide', 'subt'), 0],
    ['a table of sizes', sized('stsz', u32(0, 0, 4, 10, 10, 10, 70)), 36],
    ['a table of small sizes', sized('stz2', Buffer.concat([u32(0, 8, 4), u8(10, 10, 10, 70)])), 36],
    ['a table of tiny sizes', sized('stz2', Buffer.concat([u32(0, 4, 4), u8(0xff, 0xff)])), 0],
    ['two indexes: the second does not count', Buffer.concat([film4([SAMPLES_AT]), moovOf(film4([1e6]))]), 0],
    ['an index that breaks off', film4([SAMPLES_AT]).subarray(0, -9), 9],
    [
      'a fragment that breaks off',
      Buffer.concat([fragments(0, 0x20000), u32(40), ascii('moof'), zeros(4)]),
      28,
    ],
    ['a fragment whose data ends too early', fragments(70, 0x20000), 6],
    ['the same, counted from the beginning of the file', fragments(70, 1), 6],
    ['a fragment of sound whose data is there', fragments(64, 0x20000), 0],
    ['a fragment of another track', fragments(900, 0x20000, 7), 0],
  ] as const) {
    test(`shows ${missing} missing bytes of ${what}`, async () => {
      assert.equal((await indexOf(bytes)).missing, missing);
    });
  }

  test('is not proved by a track with more references than any film has, which would each take memory', async () => {
    const references = Buffer.concat([box('url ', u32(1)), ...EMPTY_BOXES]);
    assert.throws(() => children(references), /at most 20000 boxes/);
    const track = { ...film, ...FOUR, chunks: [1e6], dref: references };
    assert.equal((await indexOf(mov(DATA, [track]))).missing, 0);
  });

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
