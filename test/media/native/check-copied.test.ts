/** A copied clip before a mix reads it: it may have B-frames and edit lists, but no more liberties than others. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { checkClip } from '../../../functions/media/check-clip.ts';
import { withBox } from '../../fixtures/media/changed-boxes.ts';
import { type Copy, copyOf, encode, SMALL } from '../../fixtures/media/copied-joins.ts';
import { useMedia } from '../../fixtures/media/media.ts';

describe('a copied clip', () => {
  const { ffmpeg, at } = useMedia();
  let clip: Copy;

  before(async () => {
    const output = ['-c:v', 'libx264', '-x264-params', 'bframes=2:b-adapt=0'];
    await encode(at('film.mp4'), { frames: 20, output });
    clip = await copyOf(ffmpeg, at('film.mp4'), { dir: at('copy') });
  });

  const TABLES = 'moov/trak/mdia/minf/stbl';
  for (const [what, path, change] of [
    [
      'an edit that cuts its first frame off',
      'moov/trak/edts/elst',
      (body: Buffer) => void body.writeUInt32BE(2_001, 12),
    ],
    [
      'an edit at another speed',
      'moov/trak/edts/elst',
      (body: Buffer) => void body.writeUInt32BE(0x2_0000, 16),
    ],
    [
      'more edits than it says',
      'moov/trak/edts/elst',
      (body: Buffer) => Buffer.concat([body, body.subarray(8)]),
    ],
    [
      'two frames in one place',
      `${TABLES}/ctts`,
      (body: Buffer) => void body.writeUInt32BE(body.readUInt32BE(12) + 1_000, 12),
    ],
    [
      'frames half-way between two places',
      `${TABLES}/stts`,
      (body: Buffer) => void body.writeUInt32BE(1_050, 12),
    ],
    ['offsets of more frames', `${TABLES}/ctts`, (body: Buffer) => void body.writeUInt32BE(0xffff_ffff, 8)],
    ['offsets of fewer frames', `${TABLES}/ctts`, (body: Buffer) => void body.writeUInt32BE(1, 4)],
    ['times of no frames', `${TABLES}/stts`, () => Buffer.alloc(8)],
    ['times of more frames', `${TABLES}/stts`, (body: Buffer) => void body.writeUInt32BE(0xffff_ffff, 8)],
  ] as const) {
    test(`with ${what} is refused`, async () => {
      const video = at(`${what}.mp4`);
      await withBox(clip.video, video, path, (body) => change(body) ?? body);
      await checkClip(clip, SMALL);
      await assert.rejects(checkClip({ ...clip, video }, SMALL), Error);
    });
  }

  test('without an edit list passes', async () => {
    const video = at('unedited.mp4');
    await withBox(clip.video, video, 'moov/trak', (trak) => {
      const edts = trak.indexOf('edts') - 4;
      return Buffer.concat([trak.subarray(0, edts), trak.subarray(edts + trak.readUInt32BE(edts))]);
    });
    await checkClip({ ...clip, video }, SMALL);
  });
});
