import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { createFfmpeg, type Ffmpeg } from '../../functions/media/ffmpeg.ts';
import { measureLoudness } from '../../functions/media/loudness.ts';
import { probe } from '../../functions/media/probe.ts';
import { decodeSound } from '../../functions/media/track-sound.ts';
import { SUITE_CAGE } from '../fixtures/media/cage.ts';
import { makeFilm, makePcm, makeSound, makeSpeech } from '../fixtures/media/clips.ts';
import {
  type CombinationInput,
  type MixClip,
  type MixSound,
  mixCombination,
} from '../fixtures/media/combination.ts';
import { FFMPEG, level } from '../fixtures/media/finished.ts';
import { beeps, loudnessOf, soundOf, truePeakOf } from '../fixtures/media/measure.ts';
import { sampled } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const { signal } = new AbortController();
const LIMITS = { signal, timeoutMs: 60_000 };
const RATE = { num: 10, den: 1 };
const SECONDS = 8;
/** The speech has only lower frequencies and the music is noise, so this filter leaves only music. */
const MUSIC_ONLY = 'highpass=f=5000,highpass=f=5000';

describe('the sound of a combination', () => {
  let ffmpeg: Ffmpeg;
  let dir: TempDir;
  let clip: MixClip;
  let noise: MixSound;
  let speech: MixSound;
  let count = 0;
  const at = (name: string) => join(dir.path, name);

  before(async () => {
    dir = await tempDir();
    ffmpeg = createFfmpeg({ path: FFMPEG, cage: SUITE_CAGE });
    clip = await conformed('film.mp4', `sine=f=600:r=48000:d=${SECONDS}`);
    noise = await sound(await makeSound(at('noise.wav'), { seconds: 3 }));
    speech = await sound(await makeSpeech(at('speech.wav'), { speaking: 4 }));
  });
  after(async () => {
    await ffmpeg[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  /** A clip of SECONDS with the given source as its own sound. */
  async function conformed(name: string, own: string): Promise<MixClip> {
    const into = at(`clip-${name}`);
    await mkdir(into);
    const file = await makeFilm(at(name), { frames: SECONDS * 10, rate: '10', size: '64x64' });
    const options = {
      file,
      profile: { width: 64, height: 64, rate: RATE, fit: 'contain' as const, background: '#000000' },
      dir: into,
    };
    const found = await probe(ffmpeg, file, { signal });
    const { frames } = await conformClip(ffmpeg, {
      ...options,
      probe: found,
      threads: 1,
      maxSeconds: 60,
      ...LIMITS,
    });
    await makePcm(join(into, 'sound.s16le'), own, SECONDS);
    return { video: join(into, 'video.mp4'), sound: join(into, 'sound.s16le'), frames };
  }

  async function sound(file: string): Promise<MixSound> {
    const out = `${file}.s16le`;
    const { samples } = await decodeSound(ffmpeg, { file, out, maxSeconds: 60, signal });
    return { file: out, samples, loudness: await measureLoudness(ffmpeg, out, { signal }) };
  }

  async function mixed(more: Partial<CombinationInput>) {
    const work = at(`mix-${++count}`);
    await mkdir(work);
    const out = join(work, 'out.mp4');
    const input = { clips: [clip], rate: RATE, originalVolume: 0, duck: true, dir: work, out, ...more };
    return { out, ...(await mixCombination(ffmpeg, { ...input, ...LIMITS })) };
  }

  let alone: ReturnType<typeof mixed> | undefined;
  /** The music alone, which several tests compare with. */
  const musicAlone = async () => {
    alone ??= mixed({ music: noise });
    return (await alone).out;
  };

  function near(actual: number, expected: number, within: number): void {
    assert.ok(Math.abs(actual - expected) <= within, `expected ${expected} +- ${within}, got ${actual}`);
  }

  test('music alone: at -16 LUFS, repeated without a gap to the end, faded out over the last second', async () => {
    const out = await musicAlone();
    near(await loudnessOf(out, 0, SECONDS - 1), -16, 1);
    // The seams of a track of 3 s.
    for (const seam of [3, 6]) near(await level(out, seam - 0.05, seam + 0.05), await level(out, 1, 2), 2);
    const before = await level(out, SECONDS - 1.5, SECONDS - 1);
    near((await level(out, SECONDS - 0.6, SECONDS - 0.4)) - before, -6, 2);
    assert.ok((await level(out, SECONDS - 0.02, SECONDS)) < before - 25);
    near((await soundOf(out)).length / 48_000, SECONDS, 1024 / 48_000);
  });

  test('music under a voice: about -30 LUFS while it speaks, -16 soon after', async () => {
    const { out, warnings } = await mixed({ music: noise, voice: speech });
    const alone = await musicAlone();
    const depth = async (from: number, to: number) =>
      (await loudnessOf(out, from, to, MUSIC_ONLY)) - (await loudnessOf(alone, from, to, MUSIC_ONLY));
    near(await depth(0.3, 3.8), -14, 2);
    near(await depth(5, 6.9), 0, 0.5);
    near(await loudnessOf(out, 0, 4), -16, 1.5);
    assert.deepEqual(warnings, []);
  });

  test('the ducking depth does not depend on how evenly the voice speaks', async () => {
    const source = "aevalsrc='0.4*sin(2*PI*300*t)*pow(sin(PI*2*t),4)'";
    const words = await sound(await makeSound(at('words.wav'), { source, seconds: 4 }));
    const { out } = await mixed({ music: noise, voice: words });
    const alone = await musicAlone();
    near(
      (await loudnessOf(out, 0.3, 3.8, MUSIC_ONLY)) - (await loudnessOf(alone, 0.3, 3.8, MUSIC_ONLY)),
      -14,
      2.5,
    );
  });

  test('without ducking, music with a voice stays at -30 LUFS throughout', async () => {
    const { out } = await mixed({ music: noise, voice: speech, duck: false });
    near(await loudnessOf(out, 4.2, 6.9), -30, 1);
    const speaking = await loudnessOf(out, 0.3, 3.8, MUSIC_ONLY);
    near(speaking - (await loudnessOf(out, 4.5, 6.9, MUSIC_ONLY)), 0, 1);
  });

  test('a voice alone is at -16 LUFS and followed by silence', async () => {
    const { out } = await mixed({ voice: speech });
    near(await loudnessOf(out, 0, 4), -16, 1);
    assert.ok((await level(out, 4.5, SECONDS)) < -80);
    near((await soundOf(out)).length / 48_000, SECONDS, 1024 / 48_000);
  });

  test('a voice longer than the video is faded at its end, and the report says so', async () => {
    const long = await sound(await makeSpeech(at('long.wav'), { speaking: 10 }));
    const { out, warnings } = await mixed({ voice: long });
    near((await soundOf(out)).length / 48_000, SECONDS, 1024 / 48_000);
    assert.ok((await level(out, SECONDS - 0.03, SECONDS)) < -40);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /voice-over lasts 10\.0 s but the video only 8\.0 s, so it fades out/);
  });

  test('a voice begins at the requested time, and music is ducked only from then on', async () => {
    const { out, warnings } = await mixed({ voice: speech, voiceOffsetSeconds: 2.5 });
    const [first = 0] = beeps(await soundOf(out), 0.05);
    near(first, 2.5, 0.002);
    assert.deepEqual(warnings, []);
    const both = (await mixed({ music: noise, voice: speech, voiceOffsetSeconds: 2.5 })).out;
    const alone = await musicAlone();
    const depth = async (from: number, to: number) =>
      (await loudnessOf(both, from, to, MUSIC_ONLY)) - (await loudnessOf(alone, from, to, MUSIC_ONLY));
    near(await depth(0, 2.4), 0, 0.5);
    near(await depth(2.8, 6.3), -14, 2);
  });

  test('a voice that begins too late is faded or left out, and the report says so', async () => {
    const late = await mixed({ voice: speech, voiceOffsetSeconds: 6 });
    assert.match(
      late.warnings[0] ?? '',
      /begins at 6\.0 s and lasts 4\.0 s but the video only 8\.0 s, so it fades out/,
    );
    const never = await mixed({ voice: speech, voiceOffsetSeconds: 9 });
    assert.match(
      never.warnings[0] ?? '',
      /begins at 9\.0 s but the video lasts only 8\.0 s, so it is not heard/,
    );
    assert.ok((await soundOf(never.out)).every((value) => value === 0));
  });

  const REPORTED = [
    ['music alone', () => ({ music: noise })],
    ['a voice alone', () => ({ voice: speech })],
    ['music under a voice', () => ({ music: noise, voice: speech })],
    ["the clip's own sound with both", () => ({ music: noise, voice: speech, originalVolume: 1 })],
  ] as const;
  for (const [what, more] of sampled(REPORTED, 2, 'reported values')) {
    test(`${what}: the reported values match the finished file`, async () => {
      const { out, loudness, truePeak } = await mixed(more());
      near(loudness ?? 0, await loudnessOf(out, 0, SECONDS), 0.6);
      // Reported values are measured before the encoder removes the highest tones, except if the file itself is
      // measured.
      near(truePeak ?? 0, await truePeakOf(out), 0.8);
    });
  }

  test('silence is reported as no loudness and no peak', async () => {
    const { loudness, truePeak } = await mixed({});
    assert.deepEqual([loudness, truePeak], [null, null]);
  });

  test("the clips' own sound is dropped, or kept at the requested volume", async () => {
    const whole = await level((await mixed({ originalVolume: 1 })).out, 1, 3);
    near(await level((await mixed({ originalVolume: 0.25 })).out, 1, 3), whole - 12, 0.5);
    const own = (await soundOf(clip.sound)).slice(48_000, 3 * 48_000);
    near(whole, 10 * Math.log10(own.reduce((sum, value) => sum + value ** 2, 0) / own.length), 0.5);
    const dropped = await musicAlone();
    assert.ok((await level(dropped, 1, 3, 'bandpass=f=600:w=20')) < whole - 15);
  });

  test('silence is digital silence, as long as the picture', async () => {
    const samples = await soundOf((await mixed({})).out);
    near(samples.length / 48_000, SECONDS, 1024 / 48_000);
    assert.ok(samples.every((value) => value === 0));
  });

  test('silent music and a silent voice stay silent', async () => {
    const still = await sound(await makeSound(at('still.wav'), { source: 'anullsrc=cl=stereo' }));
    assert.equal(still.loudness, null);
    assert.ok(
      (await soundOf((await mixed({ music: still, voice: still })).out)).every((value) => value === 0),
    );
  });

  const HOT = [
    ['full-scale noise', 'anoisesrc=c=white:a=1:r=48000:seed=2'],
    ['clipped music', 'anoisesrc=c=pink:a=1:r=48000:seed=2,volume=20dB,asoftclip=type=hard'],
    ['square waves', "aevalsrc='0.999*sgn(sin(2*PI*997*t))|0.999*sgn(sin(2*PI*441*t))':s=48000"],
  ] as const;
  for (const [what, source] of sampled(HOT, HOT.length, 'hot sounds')) {
    test(`${what} in a clip, with music and voice on top, peak at -1 dBTP at most after encoding`, async () => {
      const hot = await conformed(`${what}.mp4`, source);
      const { out } = await mixed({ clips: [hot], music: noise, voice: speech, originalVolume: 1 });
      const peak = await truePeakOf(out);
      assert.ok(peak <= -1, `${peak} dBTP`);
      assert.ok((await loudnessOf(out, 0, SECONDS)) > -12);
    });
  }

  test('faint music with loud beats, raised by 20 dB, also peaks at -1 dBTP at most', async () => {
    const beats = "aevalsrc='if(lt(mod(t,0.5),0.004),0.9*sin(2*PI*3000*t),0.0005*sin(2*PI*200*t))'";
    const faint = await sound(await makeSound(at('beats.wav'), { source: beats, seconds: 4 }));
    const peak = await truePeakOf((await mixed({ music: faint })).out);
    assert.ok(peak <= -1, `${peak} dBTP`);
  });
});
