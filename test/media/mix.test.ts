import assert from 'node:assert/strict';
import { mkdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PermanentError } from '../../functions/base/errors.ts';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { framesPerSecond, samplesOf } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import { makeFilm, makeFlashBeep } from '../fixtures/media/clips.ts';
import { type CombinationInput, type MixClip, mixCombination } from '../fixtures/media/combination.ts';
import { beeps, filmFacts, flashes, frameHashes, soundOf } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
/** Seconds of the first packet in which a beep is not fully heard. */
const FADED_IN = 0.012;
const LIMITS = { signal, timeoutMs: 60_000 };
const PROFILE: Profile = {
  width: 128,
  height: 72,
  rate: { num: 30, den: 1 },
  fit: 'contain',
  background: '#000000',
};

describe('mixCombination joins', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;

  async function conformed(file: string, profile: Profile = PROFILE): Promise<MixClip> {
    const into = at(`clip-${++count}`);
    await mkdir(into);
    const found = await probe(ffmpeg, file, { signal });
    const options = { file, probe: found, profile, dir: into, threads: 1, maxSeconds: 60, ...LIMITS };
    const { frames } = await conformClip(ffmpeg, options);
    return { video: join(into, 'video.mp4'), sound: join(into, 'sound.s16le'), frames };
  }

  async function mixed(clips: readonly MixClip[], more: Partial<CombinationInput> = {}) {
    const work = at(`mix-${++count}`);
    await mkdir(work);
    const input = { clips, rate: PROFILE.rate, originalVolume: 0, duck: true, dir: work, ...more };
    const out = more.out ?? join(work, 'out.mp4');
    return { ...(await mixCombination(ffmpeg, { ...input, out, ...LIMITS })), out };
  }

  /** Compares times to the millisecond. */
  function sameTimes(actual: readonly number[], expected: readonly number[]): void {
    const far = actual.filter((time, number) => !(Math.abs(time - (expected[number] ?? NaN)) <= 0.001));
    assert.deepEqual([actual.length, far], [expected.length, []], `${actual} for ${expected}`);
  }

  const rates = [
    { num: 30, den: 1 },
    { num: 30000, den: 1001 },
    { num: 25, den: 1 },
  ];
  for (const rate of sampled(rates, rates.length, 'rates of six clips')) {
    test(`six clips at ${rate.num}/${rate.den}: every frame, in even steps, sound and picture together`, async () => {
      const profile = { ...PROFILE, rate };
      const lengths = [31, 20, 47, 9, 38, 25];
      const sources = ['30', '25', '24', '30', '60', '30000/1001'];
      const clips: MixClip[] = [];
      for (const [number, frames] of lengths.entries()) {
        const source = { frames, rate: sources[number] as string };
        clips.push(await conformed(await makeFlashBeep(at(`flash-${number}.mov`), source), profile));
      }
      const total = clips.reduce((sum, { frames }) => sum + frames, 0);
      const { frames, seconds, warnings, out } = await mixed(clips, { rate, originalVolume: 1 });
      assert.equal(frames, total);
      assert.deepEqual(warnings, []);

      const facts = await filmFacts(out);
      assert.deepEqual(
        { ...facts, seconds },
        { frames: total, seconds, start: 0, even: true, complaints: '' },
      );
      assert.equal(facts.seconds.toFixed(6), seconds.toFixed(6));
      const expected: { flash: number[]; beep: number[] } = { flash: [], beep: [] };
      let start = 0;
      for (const clip of clips) {
        expected.flash.push(...(await flashes(clip.video)).map((time) => start + time));
        expected.beep.push(...beeps(await soundOf(clip.sound)).map((time) => start + time));
        start += clip.frames / framesPerSecond(rate);
      }
      assert.deepEqual([expected.flash.length, expected.beep.length], [6, 6]);
      sameTimes(await flashes(out), expected.flash);
      const sound = await soundOf(out);
      assert.ok(Math.abs(sound.length - samplesOf(total, rate)) <= 1024, `${sound.length}`);
      // Without the packet before it, the first one fades in.
      const [first = NaN, ...others] = beeps(sound);
      assert.ok(first <= FADED_IN, `${first}`);
      sameTimes(others, expected.beep.slice(1));
    });
  }

  test('with an edit list instead of the fade over the first packet, on request', async () => {
    const clip = await conformed(await makeFlashBeep(at('listed.mov'), { frames: 40, rate: '30' }));
    const { out } = await mixed([clip, clip], { originalVolume: 1, editLists: true });
    const { complaints, start } = await filmFacts(out);
    assert.deepEqual({ complaints, start }, { complaints: '', start: 0 });
    const [own = NaN] = beeps(await soundOf(clip.sound));
    sameTimes(beeps(await soundOf(out)), [own, own + 40 / 30]);
    const bytes = (await readFile(out)).toString('latin1');
    assert.equal(bytes.split('elst').length - 1, 2);
  });

  test('the exact frames of its clips, in order', async () => {
    const one = await conformed(await makeFilm(at('one.mp4'), { frames: 10 }));
    const two = await conformed(await makeFilm(at('two.mp4'), { frames: 7, size: '90x160', rate: '25' }));
    const three = await conformed(await makeFilm(at('three.mp4'), { frames: 1 }));
    const { out } = await mixed([two, three, one, two]);
    const [first, single, second] = await Promise.all(
      [two, three, one].map(({ video }) => frameHashes(video)),
    );
    assert.equal(single?.length, 1);
    assert.deepEqual(await frameHashes(out), [first, single, second, first].flat());
  });

  test('from and to paths with blanks, quotes and other scripts', async () => {
    const clip = await conformed(await makeFilm(at('plain.mp4'), { frames: 5 }));
    const odd = at(`it's "ä" %d 日本 \\ #`);
    await mkdir(odd);
    const moved = { ...clip, video: join(odd, `v'1 .mp4`), sound: join(odd, `s'1 .s16le`) };
    await rename(clip.video, moved.video);
    await rename(clip.sound, moved.sound);
    const out = join(odd, 'out put.mp4');
    const { frames } = await mixed([moved, moved], { out, dir: odd, originalVolume: 1 });
    assert.equal(frames, 10);
    assert.equal((await filmFacts(out)).frames, 10);
  });

  test('no clips of different profiles, because the second would be garbled', async () => {
    const file = await makeFilm(at('either.mp4'), { frames: 5 });
    const one = await conformed(file);
    const other = await conformed(file, { ...PROFILE, width: 64, height: 64 });
    await assert.rejects(mixed([one, other]), {
      name: 'PermanentError',
      code: 'mix_failed',
      stage: 'mix',
      message: /Expected clips with one header, got another one in clip 2/,
    });
  });

  test('nothing if the sound is shorter than the picture by a frame', async () => {
    const clip = await conformed(await makeFilm(at('six.mp4'), { frames: 6 }));
    await assert.rejects(mixed([{ ...clip, frames: 5 }]), {
      code: 'mix_failed',
      message: /Expected sound of 9600 samples, got 8000/,
    });
  });

  test('nothing if sound is missing, and reveals no paths', async () => {
    const clip = await conformed(await makeFilm(at('four.mp4'), { frames: 4 }));
    const gone = { file: at('gone.s16le'), samples: 48_000, loudness: -16 };
    for (const [loudness, said] of [
      [null, /No such file/],
      [-14, /one that is gone/],
    ] as const) {
      const error = await mixed([clip], { music: gone, loudness }).catch((reason: unknown) => reason);
      assert.ok(PermanentError.is(error), `${error}`);
      assert.equal(error.code, 'mix_failed');
      assert.match(error.message, said);
      assert.ok(!error.message.includes(at('')), error.message);
    }
  });
});
