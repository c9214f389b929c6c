import assert from 'node:assert/strict';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type CheckedClip, checkClip } from '../../functions/media/check-clip.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { makeFilm } from '../fixtures/media/clips.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(128, 72, { num: 30000, den: 1001 });

describe('a prepared clip', () => {
  const { ffmpeg, at } = useMedia();
  let clip: CheckedClip;
  let bytes: Buffer;
  let count = 0;

  before(async () => {
    const file = await makeFilm(at('film.mp4'), { frames: 40 });
    const dir = at('clip');
    await mkdir(dir);
    const more = { dir, threads: 1, maxSeconds: 60, timeoutMs: 60_000, signal };
    const { frames, samples } = await conformClip(ffmpeg, {
      file,
      probe: await probe(ffmpeg, file, { signal }),
      profile: PROFILE,
      ...more,
    });
    clip = { video: join(dir, 'video.mp4'), sound: join(dir, 'sound.s16le'), frames, samples };
    bytes = await readFile(clip.video);
  });

  /** The clip with other bytes in its picture. */
  async function changed(change: (bytes: Buffer) => Buffer | undefined): Promise<CheckedClip> {
    const copy = Buffer.from(bytes);
    const video = at(`changed-${++count}.mp4`);
    await writeFile(video, change(copy) ?? copy);
    return { ...clip, video };
  }
  /** Where the body of the first box of that type begins, after the list of brands. */
  const bodyOf = (type: string) => bytes.indexOf(type, bytes.readUInt32BE(0), 'latin1') + 4;
  const uint32 = (type: string, offset: number, value: number) => (copy: Buffer) => {
    copy.writeUInt32BE(value, bodyOf(type) + offset);
    return copy;
  };
  /** Another type for the first box of a type. */
  const renamed = (type: string, to: string) => (copy: Buffer) => {
    copy.write(to, bodyOf(type) - 4, 'latin1');
    return copy;
  };

  test('of this service passes', async () => {
    await checkClip(clip, PROFILE);
  });

  test('of one frame passes', async () => {
    const file = await makeFilm(at('one.mp4'), { frames: 1 });
    const dir = at('one');
    await mkdir(dir);
    const rest = {
      file,
      probe: await probe(ffmpeg, file, { signal }),
      profile: PROFILE,
      dir,
      threads: 1,
      signal,
    };
    const { frames, samples } = await conformClip(ffmpeg, { ...rest, maxSeconds: 60, timeoutMs: 60_000 });
    const sound = join(dir, 'sound.s16le');
    await checkClip({ video: join(dir, 'video.mp4'), sound, frames, samples }, PROFILE);
  });

  test('is refused with other lengths than its pin says', async () => {
    const { frames, samples } = clip;
    for (const wrong of [
      { frames: frames + 1 },
      { frames: 1e9, samples: Math.round((1e9 * 48_000 * 1001) / 30_000) },
      { samples: samples + 1 },
      { samples: -1 },
    ]) {
      await assert.rejects(checkClip({ ...clip, ...wrong }, PROFILE), /^Error: Expected/);
    }
    const sound = at('short.s16le');
    await writeFile(sound, await readFile(clip.sound));
    await truncate(sound, samples * 4 - 4);
    await assert.rejects(checkClip({ ...clip, sound }, PROFILE), /Expected bytes of sound/);
  });

  test('is refused for another profile', async () => {
    for (const other of [{ width: 72, height: 128 }, { rate: { num: 30, den: 1 } }]) {
      await assert.rejects(checkClip(clip, { ...PROFILE, ...other }), /Expected/);
    }
  });

  for (const [what, change] of [
    ['frames in another file', uint32('url ', 0, 0)],
    ['a reference by another kind of name', renamed('url ', 'alis')],
    ['a reference movie', renamed('udta', 'rmra')],
    ['a compressed index', renamed('udta', 'cmov')],
    ['fragments', renamed('free', 'moof')],
    ['a second index', renamed('free', 'moov')],
    ['pictures that are listed as items', renamed('udta', 'meta')],
    ['a track of another kind', (copy: Buffer) => void copy.write('soun', bodyOf('hdlr') + 8, 'latin1')],
    ['another codec', renamed('avc1', 'hvc1')],
    ['no decoder configuration', renamed('avcC', 'free')],
    ['another data reference', (copy: Buffer) => void copy.writeUInt16BE(2, bodyOf('avc1') + 6)],
    ['another size of the picture', (copy: Buffer) => void copy.writeUInt16BE(8192, bodyOf('avc1') + 24)],
    ['another size on the screen', uint32('tkhd', 76, 8192 * 65_536)],
    ['another time scale', uint32('mdhd', 12, 1)],
    ['frames of other lengths', uint32('stts', 12, 1)],
    ['more frames than sizes', uint32('stsz', 8, 4_000_000_000)],
    ['frames of one enormous size', uint32('stsz', 4, 2 ** 31)],
    ['one enormous frame', uint32('stsz', 12, 2 ** 31)],
    ['chunks outside the media data', uint32('stco', 8, 0)],
    ['chunks after the end of the file', uint32('stco', 8, 2 ** 32 - 1)],
    ['fewer chunks than it says', uint32('stco', 4, 1_000_000)],
    ['runs that begin at another chunk', uint32('stsc', 8, 2)],
    ['runs that leave frames out', uint32('stsc', 12, 1)],
    ['an edit that begins later', uint32('elst', 12, 100)],
    ['an edit at another speed', uint32('elst', 16, 0x2_0000)],
    ['a box that is longer than the file', uint32('mdat', -8, 2 ** 31)],
    ['a box without a length', uint32('moov', -8, 3)],
    ['the index cut off', (copy: Buffer) => copy.subarray(0, 600)],
    ['nothing in it', () => Buffer.alloc(0)],
    [
      'a thousand boxes more',
      (copy: Buffer) => Buffer.concat([copy, ...Array(1_000).fill(Buffer.from('0000000866726565', 'hex'))]),
    ],
  ] as const) {
    test(`is refused with ${what}`, async () => {
      const other = await changed(change as (copy: Buffer) => Buffer | undefined);
      await assert.rejects(checkClip(other, PROFILE), Error);
    });
  }
});
