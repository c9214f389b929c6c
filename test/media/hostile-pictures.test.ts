/** Videos that would take unlimited memory, time or disk by their size, their count or their index. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFilm } from '../fixtures/media/clips.ts';
import {
  ascii,
  avcC,
  avi,
  box,
  ebml,
  gif,
  mkv,
  mov,
  png,
  SAMPLES_AT,
  type Track,
  u8,
  u32,
  u64,
  vp9,
  zeros,
} from '../fixtures/media/containers.ts';
import { ffmpeg } from '../fixtures/media/finished.ts';
import { type Hostile, hostileTests, noise } from '../fixtures/media/hostile-files.ts';

const SMALL = png(64, 64);
const SIDE = 32_000;
const UNREADABLE = ['media_unreadable'] as const;
const BROKEN = ['media_unreadable', 'media_truncated', 'no_video'] as const;

/** All samples are the same bytes, because an index may refer to them any number of times. */
const film = (count: number, change: Partial<Track> = {}): Track => ({
  ...{ codec: 'png ', kind: 'video', stts: [count, 1], size: SMALL.length, count },
  chunks: change.chunks ?? Array.from({ length: count }, () => SAMPLES_AT),
  ...change,
});
const atTimes = (...times: number[]) => times.map((at) => ({ at, bytes: SMALL }));

async function jpeg(dir: string, size: string): Promise<Buffer> {
  const file = join(dir, 'one.jpg');
  await ffmpeg('-f', 'lavfi', '-i', `color=s=${size}`, '-frames:v', '1', '-update', '1', file);
  return readFile(file);
}

/** The picture with another size in its header: SOF0, ITU-T T.81, B.2.2. */
function resized(picture: Buffer, width: number, height: number): Buffer {
  const bytes = Buffer.from(picture);
  const header = bytes.indexOf(u8(0xff, 0xc0));
  bytes.writeUInt16BE(height, header + 5);
  bytes.writeUInt16BE(width, header + 7);
  return bytes;
}

/** Moov within trak within moov. */
function nested(depth: number): Buffer {
  const headers: Buffer[] = [];
  for (let at = depth; at > 0; at--) headers.push(u32(at * 8), ascii(at % 2 === 0 ? 'trak' : 'moov'));
  return Buffer.concat(headers);
}

const SIZES: readonly Hostile[] = [
  {
    what: 'a PNG picture of 32,000 x 32,000 in a film',
    make: () => mov(png(SIDE, SIDE), [film(1, { width: SIDE, height: SIDE, size: png(SIDE, SIDE).length })]),
    ends: UNREADABLE,
  },
  {
    what: 'a PNG picture of 32,000 x 32,000 in a film that declares it small',
    make: () => mov(png(SIDE, SIDE), [film(1, { size: png(SIDE, SIDE).length })]),
    ends: ['media_unreadable', 'conform_failed'],
  },
  {
    what: 'a motion JPEG of 32,000 x 32,000',
    make: async (_, dir) =>
      avi({ codec: 'MJPG', width: SIDE, height: SIDE }, [resized(await jpeg(dir, '64x64'), SIDE, SIDE)]),
    ends: UNREADABLE,
  },
  {
    what: 'a motion JPEG that grows to 32,000 x 32,000 after its first picture',
    async make(_, dir) {
      const small = await jpeg(dir, '64x64');
      const large = resized(small, SIDE, SIDE);
      return avi({ codec: 'MJPG', width: 64, height: 64 }, [
        small,
        ...Array.from({ length: 29 }, () => large),
      ]);
    },
    ends: ['conform_failed', 'media_truncated'],
  },
  {
    // Valid pictures of a few hundred kilobytes that decode to 250 MB: ffmpeg itself would accept them.
    what: 'a film that grows to 9,000 x 9,000 after its first pictures',
    make: () => {
      const large = png(9_000, 9_000);
      const all = [SMALL, SMALL, SMALL, ...Array.from({ length: 6 }, () => large)];
      return avi({ codec: 'MPNG', width: 64, height: 64 }, all);
    },
    ends: ['conform_failed', 'media_truncated'],
  },
  { what: 'a GIF of 65,535 x 65,535', make: () => gif(65_535, 65_535, 3, 4), ends: UNREADABLE },
  {
    what: 'an H.264 stream of 32,000 x 32,000',
    make: () =>
      mov(zeros(100), [
        film(1, { codec: 'avc1', width: SIDE, height: SIDE, config: avcC(SIDE, SIDE), size: 100 }),
      ]),
    ends: UNREADABLE,
  },
  {
    what: 'an H.264 stream of 32,000 x 32,000 in a film that declares it small',
    make: () => mov(zeros(100), [film(1, { codec: 'avc1', config: avcC(SIDE, SIDE), size: 100 })]),
    ends: ['media_unreadable', 'conform_failed', 'no_video'],
  },
  {
    what: 'a VP9 stream of 32,000 x 32,000',
    make: () => mkv({ codec: 'V_VP9', width: SIDE, height: SIDE }, [{ at: 0, bytes: vp9(SIDE, SIDE) }]),
    ends: UNREADABLE,
  },
  {
    what: 'a VP9 stream of 65,536 x 65,536 in a film that declares it small',
    make: () => mkv({ codec: 'V_VP9', width: 64, height: 64 }, [{ at: 0, bytes: vp9(65_536, 65_536) }]),
    ends: ['media_unreadable', 'conform_failed', 'no_video'],
  },
  {
    what: 'a raw picture of 32,000 x 32,000',
    make: () => avi({ codec: '\0\0\0\0', width: SIDE, height: SIDE }, [zeros(100)]),
    ends: UNREADABLE,
  },
  {
    what: 'a picture of 40 million pixels in one row',
    make: () =>
      mov(png(40_000_000, 1), [film(1, { width: 0xffff, height: 1, size: png(40_000_000, 1).length })]),
    ends: ['media_unreadable', 'conform_failed'],
  },
];

const LENGTHS: readonly Hostile[] = [
  {
    what: 'a film with a leap of years between two pictures',
    make: () => mov(SMALL, [film(2, { timescale: 1, stts: [1, 100_000_000, 1, 1] })]),
    ends: ['clip_too_long', 'media_truncated'],
  },
  {
    what: 'a Matroska film with a leap of years between two pictures',
    make: async (_, dir) => {
      const bytes = await jpeg(dir, '64x64');
      return mkv(
        { codec: 'V_MJPEG', width: 64, height: 64 },
        [0, 33, 10 ** 11].map((at) => ({ at, bytes })),
      );
    },
    ends: ['clip_too_long'],
  },
  {
    what: 'a Matroska film with a leap of ten hours between two pictures',
    make: async (_, dir) => {
      const bytes = await jpeg(dir, '64x64');
      return mkv(
        { codec: 'V_MJPEG', width: 64, height: 64 },
        [0, 33, 36_000_000].map((at) => ({ at, bytes })),
      );
    },
    ends: ['clip_too_long'],
  },
  { what: 'a GIF that lasts a day', make: () => gif(64, 64, 132, 65_535), ends: ['clip_too_long'] },
  {
    what: 'a film that repeats its pictures for an hour, by its edit list',
    make: () =>
      mov(SMALL, [film(30, { edits: Array.from({ length: 3_600 }, () => [1_000, 0, 0x10000]).flat() })]),
    ends: ['clip_too_long', 'media_truncated', 'media_unreadable'],
  },
  {
    what: 'a film of a million pictures, all the same bytes, in one second',
    make: () =>
      mov(SMALL, [
        film(1_000_000, { timescale: 1_000_000, perChunk: 1_000_000, size: 1, chunks: [SAMPLES_AT] }),
      ]),
    ends: ['media_unreadable', 'media_truncated'],
  },
  {
    what: 'a film of a hundred thousand pictures with no duration',
    make: () => mov(SMALL, [film(100_000, { stts: [100_000, 0] })]),
    ends: UNREADABLE,
  },
  {
    what: 'a film of a million empty pictures',
    make: () => mov(SMALL, [film(1_000_000, { size: 0, perChunk: 1_000_000, chunks: [SAMPLES_AT] })]),
    ends: ['conform_failed', ...BROKEN],
  },
  {
    what: 'an index of two billion pictures',
    make: () => mov(SMALL, [film(2_000_000_000, { size: 1, perChunk: 2_000_000_000, chunks: [SAMPLES_AT] })]),
    ends: BROKEN,
  },
  {
    what: 'an index of a hundred million pictures in one chunk',
    make: () => mov(SMALL, [film(100_000_000, { size: 1, perChunk: 100_000_000, chunks: [SAMPLES_AT] })]),
    ends: BROKEN,
  },
  {
    what: 'three indexes of ten million pictures each',
    make: () =>
      mov(
        SMALL,
        Array.from({ length: 3 }, () =>
          film(10_000_000, { size: 1, perChunk: 10_000_000, chunks: [SAMPLES_AT] }),
        ),
      ),
    // Each one is small enough; the last one finds no memory left.
    ends: ['clip_too_long', ...BROKEN],
  },
  {
    what: 'a film that claims a billion pictures and has ten',
    make: async (_, dir) => {
      const small = await jpeg(dir, '64x64');
      return avi(
        { codec: 'MJPG', width: 64, height: 64, frames: 1_000_000_000 },
        Array.from({ length: 10 }, () => small),
      );
    },
    // Headers are often wrong. The ten are there.
    ends: ['harmless'],
  },
  {
    what: 'a film whose clock ticks four billion times a second',
    make: () => mov(SMALL, [film(10, { timescale: 0xffffffff })]),
    ends: ['harmless', 'conform_failed', ...UNREADABLE],
  },
  {
    what: 'a film whose clock does not tick',
    make: () => mov(SMALL, [film(10, { timescale: 0 })]),
    ends: ['harmless', 'clip_too_long', 'conform_failed', ...UNREADABLE],
  },
];

const SHAPES: readonly Hostile[] = [
  {
    what: 'a film of five thousand streams',
    make: () =>
      mov(
        SMALL,
        Array.from({ length: 5_000 }, () => film(1)),
      ),
    ends: ['harmless', ...UNREADABLE],
  },
  {
    what: 'ten thousand nested boxes',
    make: () => Buffer.concat([box('ftyp', ascii('isom'), u32(0)), nested(10_000)]),
    ends: BROKEN,
  },
  {
    what: 'a film with 40 MB of titles',
    make: () => {
      const tag = box('\u00a9nam', box('data', u32(1, 0), Buffer.alloc(2_000_000, 'x')));
      const list = box('ilst', ...Array.from({ length: 20 }, () => tag));
      const handler = box('hdlr', u32(0, 0), ascii('mdirappl'), zeros(9));
      return mov(SMALL, [film(10)], [box('udta', box('meta', u32(0), handler, list))]);
    },
    ends: ['harmless', 'conform_failed', ...UNREADABLE],
  },
  {
    what: 'a Matroska element of four exabytes',
    make: () =>
      Buffer.concat([
        mkv({ codec: 'V_MJPEG', width: 64, height: 64 }, atTimes(0)),
        u8(0xec, 0x01),
        u64(2 ** 50).subarray(1),
      ]),
    ends: ['conform_failed', ...BROKEN],
  },
  { what: 'nested Matroska elements', make: () => nestedEbml(2_000), ends: BROKEN },
  { what: 'four megabytes of empty MPEG-TS packets', make: () => emptyTs(4 * 2 ** 20), ends: BROKEN },
  ...Object.entries({
    MP4: box('ftyp', ascii('isom'), u32(0)),
    Matroska: u8(0x1a, 0x45, 0xdf, 0xa3),
    AVI: ascii('RIFF\xff\xff\xff\x7fAVI LIST'),
    FLV: ascii('FLV\x01\x05\0\0\0\x09'),
    'MPEG-PS': u8(0, 0, 1, 0xba),
    GIF: ascii('GIF89a'),
    ASF: Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'),
  }).map(
    ([name, magic]): Hostile => ({
      what: `the first bytes of ${name} and then random ones`,
      make: () => Buffer.concat([magic, noise(200_000, name)]),
      ends: ['media_unreadable', 'media_truncated', 'no_video', 'no_sound', 'conform_failed'],
    }),
  ),
  ...['mp4', 'mkv', 'avi', 'flv', 'ts'].map(
    (name): Hostile => ({
      what: `the first 600 bytes of a film in ${name}`,
      async make(_, dir) {
        const bytes = await readFile(await makeFilm(join(dir, `whole.${name}`), { frames: 20 }));
        return bytes.subarray(0, 600);
      },
      ends: ['media_unreadable', 'media_truncated', 'no_video', 'no_sound', 'conform_failed'],
    }),
  ),
];

function nestedEbml(depth: number): Buffer {
  let inner: Buffer = zeros(0);
  for (let at = 0; at < depth; at++) inner = ebml(0x1043a770, ebml(0x45b9, inner));
  return mkv({ codec: 'V_MJPEG', width: 64, height: 64 }, [], [inner]);
}

function emptyTs(length: number): Buffer {
  const packet = Buffer.concat([u8(0x47, 0x1f, 0xff, 0x10), Buffer.alloc(184, 0xff)]);
  return Buffer.concat(Array.from({ length: Math.floor(length / 188) }, () => packet));
}

// Memory of a probe and of the program itself.
hostileTests('pictures', [...SIZES, ...LENGTHS, ...SHAPES], { mostMb: 600 });
