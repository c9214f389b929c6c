/** Parts of clips of every kind: they must have exactly the frames and samples that the whole clip has there. */
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { probe } from '../../functions/media/probe.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import { partOf, stillSecondsOf } from '../../functions/media/trim.ts';
import { samplesOf } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Trim } from '../../functions/model/plan.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { LONG_CLIPS } from '../fixtures/media/long-clips.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { makeOddClip } from '../fixtures/media/odd-clips.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { placeOf, readFilm } from '../fixtures/media/read-film.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const LIMITS = { signal, timeoutMs: 60_000, threads: 1 };
const PROFILE = plainProfile(256, 144);
const NTSC: Profile = { ...PROFILE, rate: { num: 30000, den: 1001 } };

describe('a part of a clip', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(file: string, profile: Profile, trim?: Trim, maxSeconds = 60) {
    const dir = at(`conformed-${++count}`);
    await mkdir(dir);
    const found = await probe(ffmpeg, file, { signal });
    const input = { file, probe: found, profile, dir, ...LIMITS, maxSeconds, ...(trim && { trim }) };
    const made = await conformClip(ffmpeg, input);
    const sound = await readFile(join(dir, 'sound.s16le'));
    const place = placeOf(256 / 144, PROFILE);
    const frames = (await readFilm(join(dir, 'video.mp4'), place)).map(({ frame }) => frame);
    const { entry } = await readPicture(join(dir, 'video.mp4'), profile.rate);
    return {
      ...made,
      header: entry.toString('hex'),
      shown: frames,
      sound: new Int16Array(sound.buffer, sound.byteOffset, sound.length / 2),
    };
  }

  for (const clip of sampled(LONG_CLIPS, 10, 'parts of clips')) {
    test(`has the frames and the sound of the whole: ${clip.name}`, async () => {
      const file = at(clip.name);
      await makeOddClip(file, clip);
      for (const profile of [PROFILE, NTSC]) {
        const whole = await conformed(file, profile);
        for (const trim of TRIMS) {
          const part = await conformed(file, profile, trim);
          const { first, frames } = partOf(trim, profile.rate);
          const expected = whole.shown.slice(first, first + frames);
          assert.deepEqual(part.shown, expected, JSON.stringify(trim));
          assert.equal(part.header, whole.header, JSON.stringify(trim));
          assert.equal(part.frames, expected.length);
          assert.equal(part.sound.length, 2 * samplesOf(expected.length, profile.rate));
          const from = samplesOf(first, profile.rate);
          const off = Math.min(
            ...[0, -1, 1]
              .slice(0, clip.shifted ? 3 : 1)
              .map((shift) => farthest(whole.sound, part.sound, from + shift)),
          );
          assert.ok(off <= (clip.off ?? 0), `${JSON.stringify(trim)}: ${off}`);
          assert.ok(part.sound.some((value) => Math.abs(value) > 1000));
        }
      }
    });
  }

  test('of a still is how long it is shown', () => {
    assert.equal(stillSecondsOf(undefined, 3), 3);
    assert.equal(stillSecondsOf({ startSeconds: 0, endSeconds: 5 }, 3), 5);
    assert.equal(stillSecondsOf({ startSeconds: 2, endSeconds: 5 }, 3), 3);
    assert.equal(stillSecondsOf({ startSeconds: 1 }, 3), 2);
    assert.throws(() => stillSecondsOf({ startSeconds: 3 }, 3), { code: 'trim_empty' });
  });

  test('that begins behind the end is an error, and one that ends there a warning', async () => {
    const file = await makeFilm(at('short.mp4'), { frames: 30 });
    await assert.rejects(conformed(file, PROFILE, { startSeconds: 1.2 }), {
      code: 'trim_empty',
      message: /before the end at 1\.00 s, got 1\.2 s/,
    });
    const { frames, warnings } = await conformed(file, PROFILE, { startSeconds: 0.5, endSeconds: 3 });
    assert.equal(frames, 15);
    assert.match(warnings.join(), /Expected end_seconds within its 1\.00 s, got 3 s/);
  });

  test('of a picture that is held under longer sound is held, too', async () => {
    const file = at('slide.mp4');
    await run(
      ...['-f', 'lavfi', '-i', 'testsrc2=s=256x144:r=30:d=0.5', '-f', 'lavfi', '-i', 'sine=d=4'],
      ...['-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-c:a', 'aac', file],
    );
    for (const [startSeconds, endSeconds, frames] of [
      [1, 3, 60],
      [0.2, 3, 84],
      [0.45, 0.9, 14],
    ] as const) {
      const made = await conformed(file, PROFILE, { startSeconds, endSeconds });
      assert.equal(made.frames, frames, `from ${startSeconds}`);
      assert.equal(made.shown.length, frames);
    }
  });

  test('may be taken from a clip that is longer than allowed', async () => {
    const file = await makeFilm(at('long.mp4'), { frames: 90 });
    const trim = { startSeconds: 2, endSeconds: 2.5 };
    assert.equal((await conformed(file, PROFILE, trim, 1)).frames, 15);
    await assert.rejects(conformed(file, PROFILE, { startSeconds: 1 }, 1), { code: 'clip_too_long' });
  });

  test('of music is exact to the sample, of a track with or without timestamps', async () => {
    for (const name of ['music.wav', 'music.mp3']) {
      const file = await makeSound(at(name), { seconds: 3, source: "aevalsrc='0.3*sin(400*t*t)'" });
      const { audio } = await probe(ffmpeg, file, { signal });
      const heard = async (trim?: Trim) => {
        const out = at('track.s16le');
        const wish = {
          file,
          out,
          signal,
          maxSeconds: 60,
          audio: audio as NonNullable<typeof audio>,
          cut: true,
        };
        const { samples } = await decodeSound(ffmpeg, { ...wish, ...(trim && { trim }) });
        const bytes = await readFile(out);
        assert.equal(bytes.length, 4 * samples);
        return bytes;
      };
      const whole = await heard();
      const part = await heard({ startSeconds: 1.001, endSeconds: 2 });
      assert.equal(part.length, 4 * 47_952);
      assert.ok(part.equals(whole.subarray(4 * 48_048, 4 * 96_000)), name);
      // In binary, 4.1 s are no whole number of bytes.
      const rest = await heard({ startSeconds: 1, endSeconds: 5.1 });
      assert.ok(rest.equals(whole.subarray(4 * 48_000)), name);
      await assert.rejects(heard({ startSeconds: 9 }), { code: 'trim_empty' });
    }
  });
});

const TRIMS: readonly Trim[] = [
  { startSeconds: 0, endSeconds: 1 },
  { startSeconds: 1.234, endSeconds: 1.9 },
  { startSeconds: 5.6, endSeconds: 6.5 },
  { startSeconds: 6.9 },
];

/** The largest difference of a sample from that of the whole, of 32,768. @param from samples per channel */
function farthest(whole: Int16Array, part: Int16Array, from: number): number {
  let most = 0;
  for (let at = 2; at < part.length - 2; at++) {
    most = Math.max(most, Math.abs((whole[2 * from + at] ?? (part[at] as number)) - (part[at] as number)));
  }
  return most;
}
