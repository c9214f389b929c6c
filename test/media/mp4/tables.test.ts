/**
 * Files of a `prepare` that was taken over: their tables may say anything. Each mutant of a clip or a soundtrack is refused
 * with words, or makes a video of bytes that are all in its own media data. `MUTANT=clip#12` runs a single one.
 */
import assert from 'node:assert/strict';
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { children } from '../../../functions/media/mp4/boxes.ts';
import {
  type Picture,
  readPicture,
  readSound,
  type Samples,
  type Sound,
} from '../../../functions/media/mp4/tracks.ts';
import { writeMovie } from '../../../functions/media/mp4/write-movie.ts';
import { samplesOf } from '../../../functions/model/frame-rate.ts';
import { useMedia } from '../../fixtures/media/media.ts';
import { makeParts } from '../../fixtures/media/movie-parts.ts';
import { mutate } from '../../fixtures/mutants/mutate.ts';
import { sampled } from '../../fixtures/system/sample.ts';

const { signal } = new AbortController();
const rate = { num: 30, den: 1 };
/** A run of `npm test` tries one in so many. */
const EVERY = 100;
const SEEDS = Array.from({ length: 25_000 }, (_, seed) => seed);

describe('tables of prepared files', () => {
  const { at } = useMedia();
  let good: { clip: Buffer; sound: Buffer };
  let whole: { clip: Picture; sound: Sound };

  before(async () => {
    const { clips, sound } = await makeParts(at(''), { clips: [50], bFrames: 3 });
    const [clip] = clips as [string];
    good = { clip: await readFile(clip), sound: await readFile(sound) };
    whole = { clip: await readPicture(clip), sound: await readSound(sound) };
  });

  async function read(kind: 'clip' | 'sound', bytes: Buffer): Promise<Picture | Sound> {
    const file = at(`${kind}.mp4`);
    await writeFile(file, bytes);
    return kind === 'clip' ? readPicture(file) : readSound(file);
  }

  /** The words of a refusal, or the bytes of the video that it made. */
  async function outcome(kind: 'clip' | 'sound', bytes: Buffer): Promise<string | number> {
    try {
      const track = await read(kind, bytes);
      assertInside(track, bytes.length);
      const clip = 'order' in track ? track : whole.clip;
      const sound = 'priming' in track ? track : whole.sound;
      const out = at('out.mp4');
      const facts = await writeMovie({ clips: [clip], sound, rate, editLists: false }, out, { signal });
      const { size } = await stat(out);
      assert.equal(size, facts.bytes);
      return size;
    } catch (error) {
      assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), String(error));
      return error.message;
    } finally {
      await rm(at('out.mp4'), { force: true });
    }
  }

  test('that are whole are read', async () => {
    assert.equal(whole.clip.sizes.length, 50);
    assert.ok(whole.clip.order !== null);
    assert.equal(whole.sound.length, samplesOf(50, rate));
    assert.equal(whole.sound.priming, 1);
    for (const kind of ['clip', 'sound'] as const) {
      assertInside(whole[kind], good[kind].length);
      assert.equal(typeof (await outcome(kind, good[kind])), 'number');
    }
  });

  const wanted = process.env['MUTANT'];
  const seeds = wanted === undefined ? sampled(SEEDS, EVERY, 'tables') : [Number(wanted.split('#')[1])];
  for (const kind of ['clip', 'sound'] as const) {
    if (wanted !== undefined && !wanted.startsWith(kind)) continue;
    test(`of a ${kind} with any damage are refused with words, or lead to nothing outside its media data`, async () => {
      const count = { refused: 0, written: 0 };
      const other = kind === 'clip' ? good.sound : good.clip;
      for (const seed of seeds) {
        const { id, how, bytes } = mutate(kind, seed, indexFirst(good[kind]), indexFirst(other));
        const found = await outcome(kind, bytes);
        if (typeof found === 'string') assert.match(found, /^Expected/, `${id}: ${how.join('; ')}`);
        count[typeof found === 'string' ? 'refused' : 'written'] += 1;
      }
      // Damage of media data alone is none of the tables' business.
      if (seeds.length > 1) assert.ok(count.refused > seeds.length / 4, JSON.stringify(count));
    });
  }

  for (const [what, kind, change, words] of [
    ['frames without bytes', 'clip', u32('stsz', 12, 0), /samples with bytes, got none in sample 1$/],
    ['more samples than any film', 'clip', u32('stsz', 8, 2 ** 31), /1 to 4000000 samples, got 2147483648/],
    ['a table shorter than it says', 'clip', u32('stsz', 8, 51), /216 bytes of stsz for 51 entries, got 212/],
    [
      'a frame beyond the media data',
      'clip',
      u32('stsz', 12, 1e9),
      /every sample in the media data, got one at/,
    ],
    ['a chunk in the index', 'clip', u32('stco', 8, 16), /every sample in the media data, got one at 16 to/],
    ['fewer frames in chunks', 'clip', u32('stsc', 12, 49), /50 samples in 1 chunks, got 49 in 1/],
    ['more frames in chunks', 'clip', u32('stsc', 12, 51), /50 samples in chunks, got 51/],
    ['runs of chunks that skip some', 'clip', u32('stsc', 8, 2), /to begin at 1, got 2/],
    ['chunks with another header', 'clip', u32('stsc', 16, 2), /chunks with header 1, got 2/],
    ['decoding from the second frame on', 'clip', u32('stss', 8, 2), /begin at the first frame, got 1/],
    [
      'sync frames that fall',
      'clip',
      u32('stss', 12, 1),
      /rising numbers of sync frames up to 50, got 1 after 1/,
    ],
    ['a sync frame after the last', 'clip', u32('stss', 12, 51), /up to 50, got 51 after 1/],
    ['lengths of fewer frames', 'clip', u32('stts', 8, 49), /stts of 50 samples, got 49/],
    ['shifts of more frames', 'clip', u32('ctts', 8, 60), /ctts of 50 samples, got 60 after 0/],
    ['two frames at one time', 'clip', u32('stts', 12, 0), /frames at different times/],
    [
      'a first frame that is shown last',
      'clip',
      u32('ctts', 12, 50_000_000),
      /shown first, got place 4[89]$/,
    ],
    ['a last frame that is shown second', 'clip', shownSecond, /at most 16 places early, got frame 50/],
    [
      'an edit that cuts frames off',
      'clip',
      u32('elst', 12, 90_000),
      /shows all frames from \d+ on, got one from 90000/,
    ],
    ['an edit at another speed', 'clip', u32('elst', 16, 0x8000), /one edit at normal speed/],
    [
      'no pixels',
      'clip',
      (bytes: Buffer) => void bytes.writeUInt16BE(0, place(bytes, 'avc1') + 24),
      /got 0x72/,
    ],
    ['another codec', 'clip', renamed('avc1', 'hvc1'), /one header of type avc1, got "hvc1"/],
    ['a header with more in it', 'clip', renamed('pasp', 'sinf'), /header of ours, got "sinf" in it/],
    [
      'other data',
      'clip',
      (bytes: Buffer) => void bytes.writeUInt16BE(2, place(bytes, 'avc1') + 6),
      /reference 1, got 2/,
    ],
    [
      'two SPS',
      'clip',
      (bytes: Buffer) => void bytes.writeUInt8(0xe2, place(bytes, 'avcC') + 5),
      /one SPS, got 2/,
    ],
    [
      'an SPS of another level',
      'clip',
      (bytes: Buffer) => void bytes.writeUInt8(51, place(bytes, 'avcC') + 3),
      /SPS of the/,
    ],
    ['pixels that are not square', 'clip', u32('pasp', 0, 4), /square pixels, got 00000004/],
    [
      'sound that begins within a packet',
      'sound',
      u32('elst', 12, 1000),
      /first packets on, got from sample 1000/,
    ],
    ['sound that begins late', 'sound', u32('elst', 12, 10_240), /first packets on, got from sample 10240/],
    ['packets of another length', 'sound', u32('stts', 12, 1025), /packets of 1024 samples, got 1025/],
    ['sound of another rate', 'sound', u32('mdhd', 12, 44_100), /48000 ticks per second, got 44100/],
    ['AAC of another kind', 'sound', configured(0x29, 0x90), /AAC-LC of 48 kHz/],
    ['AAC with other channels', 'sound', configured(0x11, 0x88), /AAC with 2 channels, got 1/],
    ['no sound in it', 'sound', renamed('mp4a', 'ac-3'), /one header of type mp4a, got "ac-3"/],
    [
      'two indexes',
      'clip',
      (bytes: Buffer) => Buffer.concat([bytes, box(bytes, 'moov')]),
      /one index, got 2/,
    ],
    ['an end that is missing', 'clip', (bytes: Buffer) => bytes.subarray(0, -9), /boxes up to the end at/],
  ] as const) {
    test(`with ${what} are refused`, async () => {
      const copy = Buffer.from(good[kind]);
      const bytes = (change as (copy: Buffer) => Buffer | undefined)(copy) ?? copy;
      await assert.rejects(read(kind, bytes), (error: Error) => {
        assert.match(error.message, /^Expected/);
        assert.match(error.message, words);
        return true;
      });
    });
  }
});

function assertInside({ sizes, offsets }: Samples, length: number): void {
  for (const [at, size] of sizes.entries()) {
    const from = offsets[at] as number;
    assert.ok(size > 0 && from >= 8 && from + size <= length, `${from} and ${size} bytes of ${length}`);
  }
}

/** Where the body of the first box of that type begins, in the index. */
function place(bytes: Buffer, type: string): number {
  return bytes.indexOf(type, bytes.lastIndexOf('moov', undefined, 'latin1'), 'latin1') + 4;
}

function box(bytes: Buffer, type: string): Buffer {
  const at = place(bytes, type) - 8;
  return bytes.subarray(at, at + bytes.readUInt32BE(at));
}

function u32(type: string, offset: number, value: number) {
  return (bytes: Buffer) => void bytes.writeUInt32BE(value >>> 0, place(bytes, type) + offset);
}

function renamed(type: string, to: string) {
  return (bytes: Buffer) => void bytes.write(to, place(bytes, type) - 4, 'latin1');
}

function shownSecond(bytes: Buffer): void {
  const at = place(bytes, 'ctts');
  const last = at + 4 + 8 * bytes.readUInt32BE(at + 4);
  // The last frame comes at 49,000 ticks. The first is shown at 2,000, after the others that it waits for.
  bytes.writeInt32BE(2_001 - 49_000, last);
}

/** Another AudioSpecificConfig in place of that of stereo at 48 kHz. */
function configured(...values: readonly number[]) {
  return (bytes: Buffer) => {
    const at = bytes.indexOf(Buffer.from([0x11, 0x90]), place(bytes, 'esds'));
    assert.ok(at > 0);
    bytes.set(values, at);
  };
}

/** Mutations prefer the beginning, so the index is there; places still lead to the media data behind it. */
function indexFirst(bytes: Buffer): Buffer {
  const parts = children(bytes).map(({ type }) => type);
  assert.equal(parts.at(-1), 'moov');
  const moov = Buffer.from(box(bytes, 'moov'));
  const at = place(moov, 'stco');
  for (let chunk = 0; chunk < moov.readUInt32BE(at + 4); chunk++) {
    const entry = at + 8 + 4 * chunk;
    moov.writeUInt32BE(moov.readUInt32BE(entry) + moov.length, entry);
  }
  return Buffer.concat([moov, bytes.subarray(0, bytes.length - moov.length)]);
}
