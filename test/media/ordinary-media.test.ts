/** The allow-lists and limits still accept what phones, cameras, screen recorders and editors write. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { makeFilm, makeSound } from '../fixtures/media/clips.ts';
import { take } from '../fixtures/media/hostile-files.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { ffmpeg, at } = useMedia();

const CLIPS = [
  ['h264.mp4'],
  ['h264-10.mov', '-c:v', 'libx264', '-pix_fmt', 'yuv420p10le'],
  ['hevc.mp4', '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error'],
  [
    'hevc-10.mov',
    '-c:v',
    'libx265',
    '-preset',
    'ultrafast',
    '-pix_fmt',
    'yuv420p10le',
    '-x265-params',
    'log-level=error',
  ],
  ['vp8.webm', '-c:v', 'libvpx', '-c:a', 'libvorbis'],
  ['vp9.webm', '-c:v', 'libvpx-vp9', '-cpu-used', '8', '-c:a', 'libopus'],
  ['av1.mp4', '-c:v', 'libaom-av1', '-cpu-used', '8', '-usage', 'realtime'],
  ['prores.mov', '-c:v', 'prores_ks', '-c:a', 'pcm_s24le'],
  ['dnxhr.mov', '-c:v', 'dnxhd', '-profile:v', 'dnxhr_sq', '-pix_fmt', 'yuv422p', '-s', '320x180'],
  ['cineform.mov', '-c:v', 'cfhd', '-pix_fmt', 'yuv422p10le', '-s', '320x192'],
  ['animation.mov', '-c:v', 'qtrle', '-c:a', 'pcm_s16be'],
  ['mpeg2.ts', '-c:v', 'mpeg2video', '-c:a', 'mp2'],
  ['mpeg2.mpg', '-c:v', 'mpeg2video', '-c:a', 'ac3'],
  ['mpeg1.mpg', '-c:v', 'mpeg1video', '-c:a', 'mp2'],
  ['mpeg4.avi', '-c:v', 'mpeg4', '-c:a', 'libmp3lame'],
  ['mjpeg.avi', '-c:v', 'mjpeg', '-c:a', 'pcm_s16le'],
  ['h264.mkv', '-c:a', 'flac'],
  ['ffv1.mkv', '-c:v', 'ffv1', '-c:a', 'eac3'],
  ['h264.flv', '-c:a', 'aac', '-ar', '44100'],
  ['wmv.asf', '-c:v', 'wmv2', '-c:a', 'wmav2'],
  ['a.gif'],
] as const;
for (const [name, ...output] of sampled(CLIPS, 4, 'ordinary clips')) {
  test(`a clip as ${name} is accepted`, async () => {
    const file = await makeFilm(at(name), { frames: 30, output: [...output] });
    const made = at(`made-${name}`);
    await mkdir(made);
    const outcome = await take(ffmpeg, file, made);
    assert.ok(!PermanentError.is(outcome), `${outcome}`);
    assert.ok(outcome.frames >= 28 && outcome.frames <= 32, `${outcome.frames}`);
  });
}

const SOUNDS = [
  ['a.mp3'],
  ['a.m4a'],
  ['alac.m4a', '-c:a', 'alac'],
  ['a.wav'],
  ['24-bit.wav', '-c:a', 'pcm_s24le'],
  ['float.wav', '-c:a', 'pcm_f32le'],
  ['a.flac'],
  ['a.ogg'],
  ['opus.ogg', '-c:a', 'libopus'],
  ['a.aac'],
  ['a.ac3'],
  ['a.eac3'],
  ['a.aiff'],
  ['a.caf'],
  ['a.wma'],
  ['dts.mka', '-c:a', 'dca', '-strict', '-2'],
] as const;
for (const [name, ...output] of sampled(SOUNDS, 4, 'ordinary sounds')) {
  test(`a sound as ${name} is accepted`, async () => {
    const file = await makeSound(at(name), { seconds: 1, output: [...output] });
    const made = at(`made-${name}`);
    await mkdir(made);
    const outcome = await take(ffmpeg, file, made);
    assert.ok(!PermanentError.is(outcome), `${outcome}`);
    assert.ok(Math.abs(outcome.seconds - 1) < 0.12, `${outcome.seconds}`);
  });
}
