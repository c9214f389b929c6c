import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { probe } from '../../functions/media/probe.ts';
import { samplesOf } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { makeFilm, makeSound, spoil } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { beeps, filmFacts, soundOf, streamLines } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(128, 128);
const NTSC: Profile = { ...PROFILE, rate: { num: 30000, den: 1001 } };

describe('conformClip', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(file: string, profile: Profile = PROFILE, change: Partial<Probe> = {}) {
    const into = at(`conformed-${++count}`);
    await mkdir(into);
    const found = { ...(await probe(ffmpeg, file, { signal })), ...change };
    const options = { file, probe: found, profile, dir: into, threads: 1, maxSeconds: 60, signal };
    const result = await conformClip(ffmpeg, { ...options, timeoutMs: 60_000 });
    return { ...result, video: join(into, 'video.mp4'), sound: join(into, 'sound.s16le') };
  }

  const headers = new Map<Profile, Set<string>>([
    [PROFILE, new Set()],
    [NTSC, new Set()],
  ]);
  const FILMS = [
    ['25.mp4', { rate: '25', frames: 25, size: '160x90' }, 1],
    ['24.mov', { rate: '24', frames: 36, size: '90x160', sound: 'mono', soundRate: 44_100 }, 1.5],
    ['60.mp4', { rate: '60', frames: 60, size: '64x64', sound: 'none' }, 1],
    ['30.mkv', { rate: '30', frames: 31, sound: '5.1' }, 31 / 30],
    ['29.97.mp4', { rate: '30000/1001', frames: 30, soundRate: 22_050 }, 1.001],
    ['one-frame.mp4', { frames: 1 }, 1 / 30],
    ['gif.gif', { rate: '10', frames: 10, sound: 'none' }, 1],
    [
      'vp9.webm',
      { frames: 30, output: ['-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime'] },
      1,
    ],
    ['mjpeg.mov', { output: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p'] }, 1],
    ['full-range.mp4', { output: ['-pix_fmt', 'yuvj420p', '-color_range', 'pc'] }, 1],
    [
      'interlaced.mp4',
      { rate: '25', frames: 25, size: '160x88', output: ['-flags', '+ildct+ilme', '-x264-params', 'tff=1'] },
      1,
    ],
    ['anamorphic.mp4', { filter: 'setsar=2/1' }, 1],
    ['444.mp4', { output: ['-pix_fmt', 'yuv444p', '-profile:v', 'high444', '-bf', '3', '-crf', '40'] }, 1],
    [
      'pq.mp4',
      { output: ['-color_trc', 'smpte2084', '-colorspace', 'bt2020nc', '-color_primaries', 'bt2020'] },
      1,
    ],
    [
      'alpha.webm',
      {
        filter: 'format=yuva420p',
        output: ['-c:v', 'libvpx-vp9', '-cpu-used', '8', '-deadline', 'realtime'],
      },
      1,
    ],
  ] as const;
  for (const [name, clip, seconds] of sampled(FILMS, 3, 'conformed films')) {
    for (const profile of [PROFILE, NTSC]) {
      const { num, den } = profile.rate;
      test(`converts all of ${name} to ${num}/${den} frames per second`, async () => {
        const file = at(name);
        if ((await stat(file).catch(() => null)) === null) await makeFilm(file, clip);
        const { frames, samples, video, sound } = await conformed(file, profile);
        assert.equal(frames, Math.round((seconds * num) / den));
        assert.equal(samples, samplesOf(frames, profile.rate));
        assert.equal((await stat(sound)).size, samples * 4);
        const facts = await filmFacts(video);
        assert.deepEqual(
          { ...facts, seconds: 0 },
          { frames, seconds: 0, start: 0, even: true, complaints: '' },
        );
        assert.equal(facts.seconds.toFixed(6), ((frames * den) / num).toFixed(6));
        headers.get(profile)?.add((await readPicture(video, profile.rate)).entry.toString('hex'));
      });
    }
  }

  test('gives all clips of one profile the same stream header, whatever their source', () => {
    for (const [profile, found] of headers) assert.equal(found.size, 1, `${profile.rate.num}: ${[...found]}`);
    assert.notDeepEqual(headers.get(PROFILE), headers.get(NTSC));
  });

  test('writes files that browsers and phones play: H.264 High, 8 bit, BT.709, square samples, index first', async () => {
    const { video } = await conformed(await makeFilm(at('plays.mp4')));
    const [line = ''] = await streamLines(video);
    assert.match(
      line,
      /h264 \(High\).*yuv420p\(tv, bt709, progressive\), 128x128 \[SAR 1:1 DAR 1:1\].*30 fps/,
    );
    const bytes = await readFile(video);
    assert.ok(bytes.indexOf('moov') < bytes.indexOf('mdat'));
  });

  test('continues if the picture size changes half-way', async () => {
    const output = ['-c:v', 'mpeg2video'];
    const clip = { frames: 20, rate: '25', sound: 'none' } as const;
    const first = await makeFilm(at('first.ts'), { ...clip, output });
    const then = ['-output_ts_offset', '0.84', ...output];
    const second = await makeFilm(at('second.ts'), { ...clip, size: '96x96', output: then });
    await writeFile(at('changes.ts'), Buffer.concat([await readFile(first), await readFile(second)]));
    const { frames, video } = await conformed(at('changes.ts'));
    assert.equal(frames, 48);
    assert.equal((await filmFacts(video)).even, true);
  });

  test('adds bars if the shapes differ, and keeps the aspect ratio', async () => {
    const white = at('white.mp4');
    await run('-f', 'lavfi', '-i', 'color=white:s=160x80', '-frames:v', '3', white);
    const { video } = await conformed(white);
    const luma = await run('-i', video, '-frames:v', '1', '-vf', 'format=gray', '-f', 'rawvideo', '-');
    const rows = Array.from({ length: 128 }, (_, row) => luma[row * 128 + 64] as number);
    const lit = rows.filter((value) => value > 128).length;
    assert.equal(lit, 64);
    assert.ok(rows.slice(0, 30).every((value) => value < 20) && rows.slice(98).every((value) => value < 20));
  });

  test('rotates a clip that was filmed upright', async () => {
    const flat = at('half.mp4');
    await run('-f', 'lavfi', '-i', 'color=white:s=160x80', '-frames:v', '3', flat);
    const turned = at('half-turned.mp4');
    await run('-display_rotation', '90', '-i', flat, '-c', 'copy', turned);
    const { video } = await conformed(turned);
    const luma = await run('-i', video, '-frames:v', '1', '-vf', 'format=gray', '-f', 'rawvideo', '-');
    const columns = Array.from({ length: 128 }, (_, column) => luma[64 * 128 + column] as number);
    assert.equal(columns.filter((value) => value > 128).length, 64);
  });

  test('shows transparency as black', async () => {
    const file = at('half-alpha.webm');
    const picture = "color=white:s=128x128,format=yuva420p,geq=lum=235:cb=128:cr=128:a='if(lt(X,64),0,255)'";
    await run('-f', 'lavfi', '-i', picture, '-frames:v', '2', '-c:v', 'libvpx-vp9', '-cpu-used', '8', file);
    const { video } = await conformed(file);
    const luma = await run('-i', video, '-frames:v', '1', '-vf', 'format=gray', '-f', 'rawvideo', '-');
    assert.ok((luma[64 * 128 + 20] as number) < 30 && (luma[64 * 128 + 108] as number) > 220);
  });

  test('keeps sound that begins late in sync', async () => {
    const film = await makeFilm(at('film.mp4'), { sound: 'none' });
    const file = at('late-sound.mov');
    const beep = ['-itsoffset', '0.4', '-f', 'lavfi', '-i', 'sine=f=1000:r=48000:d=0.4,volume=5'];
    await run('-i', film, ...beep, '-c:v', 'copy', '-c:a', 'pcm_s16le', file);
    const { sound } = await conformed(file);
    const [start = 0] = beeps(await soundOf(sound));
    assert.ok(Math.abs(start - 0.4) < 0.001, `${start}`);
  });

  test('adds silence if the sound ends early or is missing', async () => {
    const { sound, samples } = await conformed(await makeFilm(at('no-sound.mp4'), { sound: 'none' }));
    const bytes = await readFile(sound);
    assert.equal(bytes.length, samples * 4);
    assert.ok(bytes.every((byte) => byte === 0));
  });

  test('does not repeat one frame for hours if timestamps leap', async () => {
    const file = at('leap.mkv');
    const leap = "settb=1/1000,setpts='if(lt(N,5),N*40,7200000+N*40)'";
    await makeFilm(file, { frames: 10, sound: 'none', filter: leap, output: ['-fps_mode', 'passthrough'] });
    await assert.rejects(conformed(file), { name: 'PermanentError', code: 'clip_too_long' });
  });

  test('does not succeed if a part is missing', async () => {
    const file = await makeFilm(at('fewer.mp4'), { frames: 30 });
    const found = await probe(ffmpeg, file, { signal });
    assert.ok(found.video !== null);
    const video = { ...found.video, seconds: 2 };
    await assert.rejects(conformed(file, PROFILE, { video }), {
      code: 'conform_failed',
      message: /Expected 60 frames, got 30/,
    });
  });

  test('reports the message of ffmpeg for garbage bytes, without the path', async () => {
    const file = await makeFilm(at('rubbish.mp4'), { frames: 30, sound: 'none' });
    const found = await probe(ffmpeg, file, { signal });
    await spoil(file, 40, (await stat(file)).size - 3_000);
    const error = await conformed(file, PROFILE, found).catch((reason: unknown) => reason);
    assert.ok(PermanentError.is(error), `${error}`);
    assert.ok(!error.message.includes(at('')), error.message);
  });

  test('refuses a file with only sound', async () => {
    await assert.rejects(conformed(await makeSound(at('sound.mp3'))), { code: 'no_video' });
  });
});

test('an MP4 from elsewhere is refused with the name of the missing part', async () => {
  await using dir = await tempDir();
  const file = await makeSound(join(dir.path, 'sound.m4a'));
  await assert.rejects(readPicture(file), /Expected one track of type vide, got 0/);
  await assert.rejects(readPicture(await makeSound(join(dir.path, 'sound.wav'))), /Expected/);
});
