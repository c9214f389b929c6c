/** A clip's own sound never costs its picture. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { type ConformInput, conformClip } from '../../functions/media/conform.ts';
import { framesHeld } from '../../functions/media/conform-limits.ts';
import type { Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { FfmpegError } from '../../functions/media/ffmpeg-error.ts';
import { SoundExceeded } from '../../functions/media/own-sound.ts';
import { probe } from '../../functions/media/probe.ts';
import { makeFilm, spoil } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { probedVideo } from '../fixtures/media/probed-video.ts';
import { expectedTones, heard, level, tones } from '../fixtures/media/tones.ts';

const { signal } = new AbortController();
const PROFILE = plainProfile(64, 64);
const picture = (seconds: number) => ['-f', 'lavfi', '-i', `testsrc2=s=64x64:r=30:d=${seconds}`];

describe("a clip's own sound", () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(file: string, change: Partial<ConformInput> = {}, program: Ffmpeg = ffmpeg) {
    const dir = at(`made-${++count}`);
    await mkdir(dir);
    const found = await probe(ffmpeg, file, { signal });
    const input = { file, probe: found, profile: PROFILE, dir, threads: 1, maxSeconds: 20, ...change };
    const made = await conformClip(program, { ...input, signal, timeoutMs: 60_000 });
    return { ...made, sound: join(dir, 'sound.s16le') };
  }

  test('is not decoded if it is off', async () => {
    const file = await makeFilm(at('plain.mp4'), { frames: 15 });
    const runs: string[] = [];
    const watched: Ffmpeg = {
      ...ffmpeg,
      run: (args, options) => {
        runs.push(args.join(' '));
        return ffmpeg.run(args, options);
      },
    };
    const { frames, sound } = await conformed(file, { own: false }, watched);
    assert.equal(frames, 15);
    assert.equal(runs.length, 1);
    assert.doesNotMatch(runs.join(), /aresample|framecrc/);
    assert.ok((await readFile(sound)).every((byte) => byte === 0));
  });

  const unreadable = () =>
    makeFilm(at('yamaha.avi'), { frames: 15, output: ['-c:a', 'adpcm_yamaha', '-ar', '44100'] });

  test('is silent and named if there is no decoder for it', async () => {
    const { frames, warnings } = await conformed(await unreadable());
    assert.equal(frames, 15);
    assert.match(
      warnings.join(),
      /^Expected its own sound .* got adpcm_yamaha, .* silent\. Export it with AAC sound/,
    );
    assert.deepEqual((await conformed(await unreadable(), { own: false })).warnings, []);
  });

  for (const [what, error, shown] of [
    ['fails half-way', { exitCode: 1, exceeded: null }, /got aac \(LC\) \(no more frames\)/],
    ['makes too much of it', { exitCode: 1, exceeded: 'output' }, /got aac \(LC\) \(no more frames\)/],
  ] as const) {
    test(`is silent and named if decoding it ${what}`, async () => {
      const file = await makeFilm(at('plain.mp4'), { frames: 15 });
      const failing = failingSound(
        new FfmpegError({ ...error, signal: null, stderr: '', shortMessage: 'no more frames' }),
      );
      const { frames, warnings, sound } = await conformed(file, {}, failing);
      assert.equal(frames, 15);
      assert.match(warnings.join(), shown);
      assert.ok((await readFile(sound)).every((byte) => byte === 0));
    });
  }

  for (const exceeded of ['time', 'memory'] as const) {
    test(`is told apart if decoding it takes too much ${exceeded}, and can be left out`, async () => {
      const file = await makeFilm(at('plain.mp4'), { frames: 15 });
      const fields = { exitCode: null, signal: null, exceeded, stderr: '', shortMessage: 'too much' };
      const failing = failingSound(new FfmpegError(fields));
      const error = await conformed(file, {}, failing).catch((reason: unknown) => reason);
      assert.ok(SoundExceeded.is(error));
      const { frames, warnings, sound } = await conformed(file, { exceeded: error }, failing);
      assert.equal(frames, 15);
      assert.match(warnings.join(), /got aac \(LC\) \(too much\): the clip is silent\. Post the task again/);
      assert.ok((await readFile(sound)).every((byte) => byte === 0));
    });
  }

  for (const [decoded, remark] of [
    [20, /^$/],
    [10, /got aac \(LC\), of which 10 of 2\d packets could be decoded: the clip is partly silent/],
    [0, /of which 0 of 2\d packets could be decoded: the clip is silent/],
  ] as const) {
    test(`is named if ${decoded} of its two dozen packets can be decoded: ${remark}`, async () => {
      const file = await makeFilm(at('plain.mp4'), { frames: 15 });
      const losing: Ffmpeg = {
        ...ffmpeg,
        run: async (args, options) => {
          const { stdout, stderr } = await ffmpeg.run(args, options);
          const said = stderr.replace(/(\(audio\): .*; )\d+ frames decoded/g, `$1${decoded} frames decoded`);
          return { stdout, stderr: said };
        },
      };
      const { frames, warnings } = await conformed(file, {}, losing);
      assert.equal(frames, 15);
      assert.match(warnings.join(), remark);
    });
  }

  test('is whole if an edit list cuts the picture and the sound before a key frame', async () => {
    const [long, cut] = [at('long.mp4'), at('cut.mp4')];
    await run(...picture(2), ...tones(2), '-c:v', 'libx264', '-c:a', 'aac', long);
    await run('-ss', '1.5', '-i', long, '-c', 'copy', cut);
    const { frames, warnings, sound } = await conformed(cut);
    assert.deepEqual([frames, warnings], [15, []]);
    assert.deepEqual((await heard(sound)).slice(0, 2), expectedTones(8).slice(6));
  });

  for (const [codec, container] of [
    ['aac', 'mp4'],
    ['libvorbis', 'mkv'],
  ] as const) {
    test(`is whole if it is a single packet behind the lead-in of ${codec}`, async () => {
      const file = at(`short.${container}`);
      await run(...picture(0.5), ...tones(1), '-af', 'atrim=end=0.01', '-c:a', codec, file);
      const { warnings, sound } = await conformed(file);
      assert.deepEqual(warnings, []);
      assert.ok((await readFile(sound)).some((byte) => byte !== 0));
    });
  }

  test('is partly silent if one of two long packets is damaged', async () => {
    const file = at('long-packets.mkv');
    const sine = ['-f', 'lavfi', '-i', 'sine=f=440:r=48000'];
    await run(...picture(2), ...sine, '-t', '2', '-c:a', 'flac', '-frame_size', '48000', file);
    const bytes = await readFile(file);
    const first = bytes.indexOf(Buffer.from([0xff, 0xf8]));
    // A frame begins with its sync code and kind, which all frames share, and its number.
    const second = bytes.indexOf(Buffer.from([...bytes.subarray(first, first + 4), 1]), first);
    assert.ok(first > 0 && second > first, 'two frames');
    await spoil(file, second, 100);
    assert.match((await conformed(file)).warnings.join(), /partly silent|1 of 2 packets/);
  });

  test('is tried again if something outside stops it', async () => {
    const file = await makeFilm(at('plain.mp4'), { frames: 15 });
    for (const code of ['ffmpeg_killed', 'disk_full'] as const) {
      const stopped = failingSound(new TransientError(code, 'The test stops it.'));
      await assert.rejects(conformed(file, {}, stopped), { name: 'TransientError', code });
    }
  });

  /** Fails the run that decodes the sound, after it has written some of it. */
  function failingSound(error: Error): Ffmpeg {
    return {
      ...ffmpeg,
      run: async (args, options) => {
        const out = args.find((arg) => arg.endsWith('sound.s16le'));
        if (out === undefined) return ffmpeg.run(args, options);
        await writeFile(out.replace('file:', ''), Buffer.alloc(4_000, 1));
        throw error;
      },
    };
  }

  for (const channels of [9, 16]) {
    test(`of ${channels} channels without names is brought to stereo`, async () => {
      const file = at(`${channels}.mov`);
      const raw = ['-f', 's16le', '-ar', '8000', '-ac', String(channels), '-i', at('raw')];
      await writeFile(at('raw'), Buffer.alloc(4_000 * 2 * channels, 0x11));
      await run(...picture(0.5), ...raw, '-c:a', 'pcm_s16le', file);
      const { frames, warnings, sound } = await conformed(file);
      assert.deepEqual([frames, warnings], [15, []]);
      const bytes = await readFile(sound);
      for (const sample of [2_000, 20_000]) {
        for (const side of [0, 2]) assert.ok(bytes.readInt16LE(sample * 4 + side) > 3_000, `${sample}`);
      }
    });
  }

  test('keeps its time where it changes rate and channels', async () => {
    const part = (seconds: number, rate: number, channels: number, name: string) =>
      run(
        ...[...picture(1), ...tones(2, rate), '-t', '1', '-ac', String(channels), '-c:a', 'aac'],
        ...['-c:v', 'mpeg2video', '-output_ts_offset', String(seconds), at(name)],
      );
    await part(0, 44_100, 2, 'a.ts');
    await part(1, 48_000, 1, 'b.ts');
    await writeFile(at('both.ts'), Buffer.concat([await readFile(at('a.ts')), await readFile(at('b.ts'))]));
    const { frames, sound } = await conformed(at('both.ts'));
    assert.ok(Math.abs(frames - 60) <= 1, `${frames}`);
    const expected = [...expectedTones(4), ...expectedTones(4)];
    // A frame of the picture is added or missing at the join.
    assert.deepEqual((await heard(sound)).slice(0, 7), expected.slice(0, 7));
  });

  test('is as loud in mono as in stereo, also where it changes', async () => {
    const part = async (offset: number, name: string, ...channels: string[]) => {
      const coded = [
        '-c:v',
        'mpeg2video',
        '-c:a',
        'mp2',
        '-b:a',
        '384k',
        '-output_ts_offset',
        String(offset),
      ];
      await run(...picture(1), ...tones(1), ...channels, ...coded, at(name));
      return readFile(at(name));
    };
    const both = ['-af', 'pan=stereo|c0=c0|c1=c0'];
    const parts = [await part(0, '1.ts', ...both), await part(1, '2.ts'), await part(2, '3.ts', ...both)];
    await writeFile(at('level.ts'), Buffer.concat(parts));
    const { sound } = await conformed(at('level.ts'));
    for (const second of [0, 1, 2]) {
      const levels = await level(sound, second + 0.2, second + 0.8);
      assert.ok(
        levels.every((side) => Math.abs(side - 28) <= 1),
        `${second}: ${levels}`,
      );
    }
  });

  for (const begins of [0.5, -0.5]) {
    test(`is where its timestamps say if it begins at ${begins} s`, async () => {
      const file = at(`begins-${begins}.mkv`);
      const [late, sooner] = begins > 0 ? [[], ['-itsoffset', '0.5']] : [['-itsoffset', '0.5'], []];
      await run(...late, ...picture(1), ...sooner, ...tones(2), '-t', '1.5', '-c:a', 'pcm_s16le', file);
      const { sound } = await conformed(file);
      const found = await heard(sound);
      assert.deepEqual(found.slice(0, 3), begins > 0 ? [0, 0, 400] : [400, 500, 600]);
    });
  }
});

describe('a picture under longer sound', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(seconds: { picture: number; sound: number }, change: Partial<ConformInput> = {}) {
    const file = at(`${++count}.mp4`);
    await run(...picture(seconds.picture), ...tones(seconds.sound), '-c:a', 'aac', file);
    const dir = at(`made-${count}`);
    await mkdir(dir);
    const found = await probe(ffmpeg, file, { signal });
    const input = { file, probe: found, profile: PROFILE, dir, threads: 1, maxSeconds: 20, ...change };
    const made = await conformClip(ffmpeg, { ...input, signal, timeoutMs: 60_000 });
    return { ...made, sound: join(dir, 'sound.s16le') };
  }

  for (const [what, seconds, frames] of [
    ['one frame under 3 s', { picture: 1 / 30, sound: 3 }, 90],
    ['half a second under 2.5 s', { picture: 0.5, sound: 2.5 }, 75],
  ] as const) {
    test(`is held to the end of the sound: ${what}`, async () => {
      const made = await conformed(seconds);
      assert.deepEqual([made.frames, made.samples, made.warnings], [frames, frames * 1_600, []]);
      assert.deepEqual(await heard(made.sound), expectedTones(Math.floor(seconds.sound * 4)));
    });
  }

  test('is held in the exact number of frames at any rate', async () => {
    const rate = { num: 60, den: 1 };
    const made = await conformed({ picture: 0.5, sound: 2.5 }, { profile: { ...PROFILE, rate } });
    assert.equal(made.frames, 150);
  });

  test('is not held under sound that is about as long', async () => {
    const made = await conformed({ picture: 0.5, sound: 1.5 });
    assert.deepEqual([made.frames, made.warnings], [15, []]);
  });

  test('is not held if nobody hears the sound, and a remark says both lengths', async () => {
    const made = await conformed({ picture: 0.5, sound: 2.5 }, { own: false });
    assert.equal(made.frames, 15);
    assert.match(
      made.warnings.join(),
      /got 0\.50 s of picture and 2\.5 s of sound.* audio\.original_volume above 0/,
    );
  });

  test('is held no longer than a clip may be, and a remark says so', async () => {
    const made = await conformed({ picture: 0.5, sound: 4 }, { maxSeconds: 2 });
    assert.equal(made.frames, 60);
    assert.match(
      made.warnings.join(),
      /0\.50 s of picture and 4\.0 s of sound: the clip ends after 2\.0 s\. .*MAX_CLIP_/,
    );
  });

  test('is held no longer than its pixels allow', () => {
    const profile = { ...PROFILE, width: 16_000, height: 16_000, rate: { num: 60, den: 1 } };
    const video = probedVideo({ seconds: 0.1, packets: 3 });
    const size = { probe: { seconds: 9, video, audio: null }, profile, maxSeconds: 10 };
    assert.equal(framesHeld(size, 9), Math.max(6, Math.floor((1920 * 1080 * 60 * 10) / 16_000 ** 2)));
  });
});
