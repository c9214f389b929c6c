/** Parts of clips that are copied: every frame is the source's, or the clip is encoded, and why. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { checkClip } from '../../../functions/media/check-clip.ts';
import { CopyRefused, copyClip } from '../../../functions/media/native/copy-clip.ts';
import { probe } from '../../../functions/media/probe.ts';
import type { Trim } from '../../../functions/model/plan.ts';
import { encode, SMALL, x264 } from '../../fixtures/media/copied-joins.ts';
import { frameHashes } from '../../fixtures/media/measure.ts';
import { useMedia } from '../../fixtures/media/media.ts';

const { signal } = new AbortController();

describe('a part of a clip that is copied', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function part(file: string, trim: Trim) {
    const dir = at(`part-${++count}`);
    await mkdir(dir);
    const found = await probe(ffmpeg, file, { signal });
    const request = {
      file,
      probe: found,
      profile: SMALL,
      dir,
      maxSeconds: 60,
      timeoutMs: 60_000,
      signal,
      trim,
    };
    const copied = await copyClip(ffmpeg, request);
    const [video, sound] = [join(dir, 'video.mp4'), join(dir, 'sound.s16le')];
    await checkClip({ video, sound, ...copied }, SMALL);
    return { ...copied, hashes: await frameHashes(video) };
  }

  for (const [name, parameters] of [
    ['no B-frames', 'bframes=0:keyint=10:min-keyint=10:scenecut=0'],
    ['two B-frames', 'bframes=2:b-adapt=0:keyint=10:min-keyint=10:scenecut=0:open-gop=0'],
  ] as const) {
    test(`with ${name} has the frames of the source`, async () => {
      const file = await encode(at(`${count}.mp4`), { frames: 60, output: x264(parameters), sound: 2 });
      const whole = await frameHashes(file);
      for (const [from, to] of [
        [10, 20],
        [20, 50],
        [30, 60],
      ] as const) {
        const trim = { startSeconds: from / 30, endSeconds: to / 30 };
        const { hashes, frames, samples } = await part(file, trim);
        assert.deepEqual(hashes, whole.slice(from, to));
        assert.deepEqual([frames, samples], [to - from, (to - from) * 1600]);
      }
      const end = await part(file, { startSeconds: 1.667 });
      assert.deepEqual(end.hashes, whole.slice(50));
    });
  }

  test('may end between B-frames only where no frame is missing', async () => {
    const output = x264('bframes=2:b-adapt=0:keyint=30:min-keyint=30:scenecut=0:open-gop=0');
    const file = await encode(at('ends.mp4'), { frames: 30, output });
    const whole = await frameHashes(file);
    const outcomes = new Set<string>();
    for (let frames = 2; frames < 12; frames++) {
      const made = await part(file, { startSeconds: 0, endSeconds: frames / 30 }).catch((error: unknown) => {
        assert.ok(error instanceof CopyRefused, String(error));
        return error.message;
      });
      if (typeof made !== 'string') assert.deepEqual(made.hashes, whole.slice(0, frames));
      outcomes.add(typeof made === 'string' ? made : 'copied');
    }
    assert.deepEqual([...outcomes].sort(), [
      'copied',
      'ends between frames that are decoded in another order than shown',
    ]);
  });

  test('is refused with the nearest key frames if it begins between them', async () => {
    const output = x264('bframes=0:keyint=15:min-keyint=15:scenecut=0');
    const file = await encode(at('between.mp4'), { frames: 60, output });
    await assert.rejects(part(file, { startSeconds: 0.7 }), {
      name: 'CopyRefused',
      message: 'begins between two key frames (the nearest are at 0.5 s and 1 s)',
    });
    await assert.rejects(part(file, { startSeconds: 5 }), { code: 'trim_empty' });
  });
});
