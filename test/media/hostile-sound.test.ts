/** Sound that would take unlimited memory, time or disk. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSound } from '../fixtures/media/clips.ts';
import {
  ascii,
  mkv,
  mov,
  SAMPLES_AT,
  type Track,
  u8,
  u16,
  u32,
  wav,
  zeros,
} from '../fixtures/media/containers.ts';
import { type Hostile, hostileTests, noise } from '../fixtures/media/hostile-files.ts';

const UNREADABLE = ['media_unreadable'] as const;
/** Of sound that is too long, the first part is heard. */
const CUT = ['harmless'] as const;
const SECOND = 48_000;

/** Chunks of one second that all refer to the same bytes. */
const sameSecond = (seconds: number): Track => ({
  ...{ codec: 'sowt', kind: 'audio', timescale: SECOND, stts: [seconds * SECOND, 1], size: 4 },
  ...{ count: seconds * SECOND, perChunk: SECOND },
  chunks: Array.from({ length: seconds }, () => SAMPLES_AT),
});

/** FLAC whose frames say "all samples are 0": 65,535 of them in a dozen bytes. RFC 9639. */
function silence(frames: number): Buffer {
  const info = Buffer.alloc(34);
  info.writeUInt16BE(65_535, 0);
  info.writeUInt16BE(65_535, 2);
  info.writeUIntBE((SECOND * 16 + 1 * 2) * 16 + 15 * 16, 10, 4);
  // 20 bits of rate, 3 of channels less one, 5 of bits less one.
  info.writeUInt32BE(((SECOND << 12) | (1 << 9) | (15 << 4)) >>> 0, 10);
  const blocks = Array.from({ length: frames }, (_, at) => {
    const head = Buffer.concat([u8(0xff, 0xf8, 0x7a, 0x18), numbered(at), u16(65_534)]);
    const whole = Buffer.concat([head, u8(crc(head, 8, 0x07)), u8(0, 0, 0), u8(0, 0, 0)]);
    return Buffer.concat([whole, u16(crc(whole, 16, 0x8005))]);
  });
  return Buffer.concat([ascii('fLaC'), u8(0x80, 0, 0, 34), info, ...blocks]);
}

/** A frame number in the encoding of UTF-8. */
function numbered(at: number): Buffer {
  return Buffer.from(String.fromCodePoint(at));
}

function crc(bytes: Buffer, width: 8 | 16, polynomial: number): number {
  const top = 1 << (width - 1);
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) sum = ((sum & top ? polynomial : 0) ^ (sum << 1)) & (2 ** width - 1);
  }
  return sum;
}

/** Empty Ogg pages, RFC 3533. */
function emptyPages(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, at) =>
      Buffer.concat([ascii('OggS'), u8(0, at === 0 ? 2 : 0), zeros(8), u32(7), u32(at), zeros(4), u8(0)]),
    ),
  );
}

const FILES: readonly Hostile[] = [
  { what: 'a WAV of one sample a second', make: () => wav(zeros(400_000), { rate: 1 }), ends: UNREADABLE },
  {
    what: 'a WAV of a billion samples a second',
    make: () => wav(zeros(400_000), { rate: 10 ** 9 }),
    ends: UNREADABLE,
  },
  {
    what: 'a WAV of no samples a second',
    make: () => wav(zeros(400_000), { rate: 0 }),
    ends: ['media_unreadable', 'no_video', 'no_sound'],
  },
  {
    what: 'a WAV of 255 channels',
    make: () => wav(zeros(510_000), { channels: 255 }),
    ends: ['media_unreadable', 'harmless'],
  },
  {
    what: 'a WAV of 65,535 channels',
    make: () => wav(zeros(510_000), { channels: 65_535 }),
    ends: ['media_unreadable', 'no_video'],
  },
  {
    what: 'a WAV that claims four gigabytes',
    make: () => wav(zeros(192_000), { claims: 0xfffffff0 }),
    // Treated as a recording that was not closed: the existing samples count.
    ends: ['media_truncated', 'harmless'],
  },
  {
    what: 'a sound of 768,000 samples a second',
    make: () => wav(zeros(400_000), { rate: 768_000 }),
    ends: ['harmless'],
  },
  {
    what: 'a sound that repeats the same second for half an hour',
    make: () => mov(zeros(4 * SECOND), [sameSecond(1_800)]),
    ends: [...CUT, ...UNREADABLE],
  },
  {
    what: 'a sound that repeats the same second for a minute',
    make: () => mov(zeros(4 * SECOND), [sameSecond(60)]),
    ends: CUT,
  },
  {
    what: 'a FLAC of some kilobytes that is two hours of silence',
    make: () => silence(5_000),
    ends: CUT,
  },
  {
    what: 'a sound with a leap of ten hours in it',
    make: () =>
      mkv(
        { codec: 'A_PCM/INT/LIT' },
        [0, 36_000_000].map((at) => ({ at, bytes: zeros(19_200) })),
      ),
    ends: CUT,
  },
  {
    what: 'a picture with a sound that leaps ten hours',
    make: () => {
      const leap: Track = {
        ...{
          codec: 'sowt',
          kind: 'audio',
          timescale: 1,
          size: 4,
          count: 2,
          chunks: [SAMPLES_AT, SAMPLES_AT],
        },
        stts: [1, 36_000, 1, 1],
      };
      return mov(zeros(100), [leap]);
    },
    ends: [...CUT, ...UNREADABLE],
  },
  {
    what: 'an MP3 after a tag that claims 256 MB',
    make: () => Buffer.concat([ascii('ID3'), u8(4, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f), zeros(2_000)]),
    ends: ['media_unreadable', 'media_truncated', 'no_video', 'no_sound'],
  },
  {
    what: 'an MP3 after a tag that is full of frames',
    async make(_, dir) {
      const own = await readFile(await makeSound(join(dir, 'own.mp3')));
      const frames = Buffer.concat(
        Array.from({ length: 100_000 }, () => Buffer.concat([ascii('TXXX'), u32(3), u8(0, 0, 3, 120, 0)])),
      );
      const size = frames.length;
      const bytes = u8((size >> 21) & 127, (size >> 14) & 127, (size >> 7) & 127, size & 127);
      return Buffer.concat([ascii('ID3'), u8(4, 0, 0), bytes, frames, own]);
    },
    ends: ['harmless', 'media_unreadable'],
  },
  {
    what: 'a FLAC whose cover art claims 16 MB',
    make: () =>
      Buffer.concat([
        ascii('fLaC'),
        u8(6, 0xff, 0xff, 0xff),
        u32(3, 9),
        ascii('image/png'),
        u32(0, 60_000, 60_000, 24, 0, 0xfffff0),
        zeros(500),
      ]),
    ends: ['media_unreadable', 'no_video', 'no_sound'],
  },
  {
    what: 'an Ogg of a hundred thousand empty pages',
    make: () => emptyPages(100_000),
    ends: ['media_unreadable', 'no_video', 'no_sound'],
  },
  ...Object.entries({
    MP3: u8(0xff, 0xfb, 0x90, 0x64),
    FLAC: ascii('fLaC'),
    Ogg: ascii('OggS'),
    AAC: u8(0xff, 0xf1, 0x50, 0x80),
    AMR: ascii('#!AMR\n'),
  }).map(
    ([name, magic]): Hostile => ({
      what: `the first bytes of ${name} and then random ones`,
      make: () => Buffer.concat([magic, noise(100_000, name)]),
      // Random bytes may form a frame of any length, from a millisecond to a year.
      ends: [
        'media_unreadable',
        'media_truncated',
        'no_video',
        'no_sound',
        'clip_too_long',
        'conform_failed',
        'harmless',
      ],
    }),
  ),
  ...['mp3', 'm4a', 'wav', 'flac', 'ogg'].map(
    (name): Hostile => ({
      what: `the first 40 bytes of a sound in ${name}`,
      async make(_, dir) {
        return (await readFile(await makeSound(join(dir, `own.${name}`)))).subarray(0, 40);
      },
      ends: ['media_unreadable', 'media_truncated', 'no_video', 'no_sound'],
    }),
  ),
];

hostileTests('sounds', FILES, { mostMb: 200 });
