import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { hasFilter, runFfmpeg } from './ffmpeg-run.ts';
import { pictureQuality, pooled } from './picture-quality.ts';

const ffmpeg = findFfmpeg({ searchPath: process.env['PATH'] ?? '' }).path;
const skip = (await hasFilter(ffmpeg, 'libvmaf')) ? false : 'this ffmpeg was built without libvmaf';

describe('pooled', () => {
  test('is weighed down by a bad frame more than a mean would be', () => {
    const { vmaf, lowest } = pooled([90, 90, 90, 10]);
    assert.ok(vmaf > 10 && vmaf < 50, String(vmaf));
    assert.equal(lowest, 10);
  });
});

describe('pictureQuality', { skip }, () => {
  test('compares each frame with its own, whatever the time base, and finds no loss where there is none', async () => {
    await using dir = await tempDir();
    const reference = join(dir.path, 'reference.mp4');
    const made = join(dir.path, 'made.mp4');
    await runFfmpeg(ffmpeg, clip('null', reference, 15_360));
    await runFfmpeg(ffmpeg, clip('null', made, 30_000));
    const quality = await pictureQuality(ffmpeg, { made, reference, dir: dir.path });
    assert.equal(quality.ssim, 1);
    assert.ok(quality.lowest > 95, String(quality.lowest));
  });

  test('finds what a blur takes away', async () => {
    await using dir = await tempDir();
    const reference = join(dir.path, 'reference.mp4');
    const made = join(dir.path, 'made.mp4');
    await runFfmpeg(ffmpeg, clip('null', reference, 30_000));
    await runFfmpeg(ffmpeg, clip('gblur=sigma=3', made, 30_000));
    const quality = await pictureQuality(ffmpeg, { made, reference, dir: dir.path });
    assert.ok(quality.ssim < 0.99, String(quality.ssim));
    assert.ok(quality.vmaf < 90, String(quality.vmaf));
  });
});

/** Twelve different frames. The filter is their only loss. */
function clip(filter: string, out: string, timescale: number): string[] {
  return [
    ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc2=s=320x180:r=30,noise=c0s=20:c0f=t,${filter}`],
    ...['-frames:v', '12', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0'],
    ...['-video_track_timescale', String(timescale), out],
  ];
}
