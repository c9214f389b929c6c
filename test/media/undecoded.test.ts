import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { undecodedOf } from '../../functions/media/undecoded.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';

const read = (packets: number, decoded: number, errors: string) =>
  `[in#0/flv @ 0x1]   Input stream #0:0 (video): ${packets} packets read (22469 bytes); ${decoded} frames decoded; ${errors}\n`;

describe('pictures that could not be decoded', () => {
  const { ffmpeg, at } = useMedia();

  for (const [codec, decoded, errors, interlaced, found] of [
    ['h264', 37, '0 decode errors; ', false, '37 of 50'],
    ['h264', 37, '', false, '37 of 50'],
    ['h264', 38, '2 decode errors; ', false, null],
    ['h264', 25, '0 decode errors; ', true, null],
    ['h264', 22, '0 decode errors; ', true, '22 of 50'],
    ['hevc', 37, '0 decode errors; ', false, '37 of 50'],
    ['mpeg2video', 37, '0 decode errors; ', false, '37 of 50'],
    ['mpeg4', 5, '0 decode errors; ', false, null],
    ['mpeg4', 37, '1 decode errors; ', false, '37 of 50'],
    ['vp9', 30, '0 decode errors; ', false, null],
  ] as const) {
    const which = `${decoded} of 50 in ${codec}${interlaced ? ', interlaced' : ''}, and ${errors || 'no count of errors'}`;
    test(`are ${found === null ? 'few enough' : 'too many'}: ${which}`, () => {
      assert.equal(undecodedOf(probedVideo({ codec, interlaced }), read(50, decoded, errors)), found);
    });
  }

  test('are noticed of an H.264 clip that lacks a key frame, whose decoder reports no error', async () => {
    const h264 = '-pix_fmt yuv420p -c:v libx264 -preset ultrafast -bf 2 -g 12'.split(' ');
    await run('-f', 'lavfi', '-i', 'testsrc2=s=64x36:r=30:d=0.8', ...h264, at('whole.mkv'));
    const file = at('lacking.mkv');
    await run('-i', at('whole.mkv'), '-c', 'copy', '-bsf:v', "noise=drop='eq(n\\,12)'", file);
    const profile = plainProfile(64, 36);
    const dir = at('made');
    await mkdir(dir);
    const input = { file, dir, profile, threads: 1, maxSeconds: 60, signal: new AbortController().signal };
    const found = await probe(ffmpeg, file, input);
    await assert.rejects(conformClip(ffmpeg, { ...input, probe: found, timeoutMs: 60_000 }), {
      code: 'conform_failed',
      message: /^Expected a clip whose frames can be decoded, got \d+ of 23\. Export/,
    });
  });
});
