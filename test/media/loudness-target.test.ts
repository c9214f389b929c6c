import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { before, describe, test } from 'node:test';
import { measureLoudness } from '../../functions/media/loudness.ts';
import { bestTry, firstMaster, loudnessWarnings, nextMaster } from '../../functions/media/loudness-target.ts';
import { makeSoundtrack } from '../../functions/media/soundtrack.ts';
import { seededRandom } from '../../functions/model/random.ts';
import { makePcm, makeSpeech } from '../fixtures/media/clips.ts';
import { counting } from '../fixtures/media/counting.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { loudnessOf, truePeakOf } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { EXHAUSTIVE, sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const LIMITS = { signal, timeoutMs: 60_000 };
const SAMPLE_RATE = 48_000;
const TARGET = -14;
const COUNT = 60;
/** Sources of each kind, by ffmpeg's own filters. */
const MUSIC = {
  noise: 'anoisesrc=c=pink:a=0.4:r=48000:seed=3,tremolo=f=2:d=0.6',
  kicks: "aevalsrc='0.9*sin(2*PI*60*t)*exp(-18*mod(t,0.5))+0.05*sin(2*PI*440*t)':s=48000",
  chords: "aevalsrc='0.2*(sin(2*PI*220*t)+sin(2*PI*277*t)+sin(2*PI*330*t))*(0.6+0.4*sin(PI*t))':s=48000",
  faint: "aevalsrc='0.02*sin(2*PI*300*t)*(1+0.8*sin(2*PI*0.7*t))':s=48000",
};
/** Words with gaps and hard beginnings, as speech has them. */
const WORDS = {
  even: "aevalsrc='0.4*sin(2*PI*300*t)*pow(sin(PI*2*t),4)+0.02*sin(2*PI*2000*t)':s=48000",
  hard: "aevalsrc='0.8*sin(2*PI*180*t)*exp(-9*mod(t,0.31))*(0.4+0.6*sin(2*PI*0.4*t))':s=48000",
};
const OWN = {
  street: 'anoisesrc=c=brown:a=0.5:r=48000:seed=4',
  saturated: 'anoisesrc=c=white:a=0.9:r=48000:seed=5',
  claps: "aevalsrc='if(lt(mod(t,0.5),0.02),0.9*sin(2*PI*900*t),0.05*sin(2*PI*200*t))':s=48000",
};
const SECONDS = 8;

describe('a loudness', () => {
  const { ffmpeg, at } = useMedia();
  let count = 0;
  const sounds = new Map<string, { file: string; samples: number; loudness: number | null }>();

  before(async () => {
    const made = Object.entries({ ...MUSIC, ...WORDS, ...OWN });
    for (const [name, source] of made) await makePcm(at(`${name}.s16le`), source, SECONDS);
    await makeSpeech(at('speech.wav'), { speaking: 4 });
    await run('-i', at('speech.wav'), '-ar', '48000', '-ac', '2', '-f', 's16le', at('speech.s16le'));
    for (const name of [...made.map(([name]) => name), 'speech']) {
      const file = at(`${name}.s16le`);
      const samples = (name === 'speech' ? 4 : SECONDS) * SAMPLE_RATE;
      sounds.set(name, { file, samples, loudness: await measureLoudness(ffmpeg, file, { signal }) });
    }
  });

  /** The parts of output `number`, always the same ones. */
  function parts(number: number) {
    const random = seededRandom(number, 'loudness');
    const pick = <T>(all: readonly T[]) => all[Math.floor(random() * all.length)] as T;
    const kind = pick(['music', 'voice', 'both', 'both', 'both', 'own', 'all'] as const);
    const own = kind === 'own' || kind === 'all' ? pick(Object.keys(OWN)) : undefined;
    const music = ['music', 'both', 'all'].includes(kind) ? sounds.get(pick(Object.keys(MUSIC))) : undefined;
    const spoken = pick([...Object.keys(WORDS), 'speech']);
    const voice = ['voice', 'both', 'all'].includes(kind) ? sounds.get(spoken) : undefined;
    return {
      total: Math.round(pick([3, 5.5, 8]) * SAMPLE_RATE),
      own: own === undefined ? [] : [at(`${own}.s16le`)],
      originalVolume: own === undefined ? 0 : pick([0.4, 1]),
      duck: random() < 0.7,
      musicDb: pick([0, 0, -6, 4]),
      voiceOffsetSeconds: pick([0, 0, 1]),
      ...(music === undefined ? {} : { music }),
      ...(voice === undefined ? {} : { voice }),
    };
  }

  async function made(number: number) {
    const dir = at(`out-${++count}`);
    await mkdir(dir);
    const out = `${dir}/soundtrack.m4a`;
    const wanted = { ...parts(number), loudness: TARGET, out, ...LIMITS };
    const counted = counting(ffmpeg);
    const made = await makeSoundtrack(counted, wanted);
    return { out, tries: counted.runs, ...made };
  }

  test(`is within 0.5 LU in ${COUNT} outputs of random parts, encoded, with peaks of at most -1 dBTP`, async (t) => {
    const numbers = sampled([...Array(COUNT).keys()], 15, 'loudness');
    const errors: number[] = [];
    const peaks: number[] = [];
    const missed: string[] = [];
    let tried = 0;
    for (const number of numbers) {
      const { out, loudness, truePeak, warnings, tries } = await made(number);
      tried += tries;
      // By another run, of the file as a player decodes it.
      const heard = await loudnessOf(out, 0, SECONDS);
      const peak = await truePeakOf(out);
      assert.ok(
        Math.abs(heard - (loudness ?? NaN)) <= 0.1,
        `${number}: reported ${loudness}, heard ${heard}`,
      );
      assert.ok(Math.abs(peak - (truePeak ?? NaN)) <= 0.1, `${number}: reported ${truePeak}, heard ${peak}`);
      peaks.push(peak);
      if (warnings.length > 0) missed.push(`${number}: ${warnings.join()}`);
      else errors.push(Math.abs(heard - TARGET));
    }
    errors.sort((one, other) => one - other);
    const [p50 = NaN, most = NaN] = [errors[errors.length >> 1], errors.at(-1)];
    t.diagnostic(
      `${errors.length} of ${numbers.length}: p50 ${p50.toFixed(2)} LU, max ${most.toFixed(2)} LU, ` +
        `peaks up to ${Math.max(...peaks).toFixed(1)} dBTP, ${tried} tries; missed: ${missed.join(' ') || 'none'}`,
    );
    assert.ok(most < 0.55, `${most} LU`);
    assert.ok(Math.max(...peaks) <= -1, `${Math.max(...peaks)} dBTP`);
    // Two of the 60 cannot be reached, and 75 tries were needed: more says that the first gain is not well chosen.
    assert.ok(missed.length <= (EXHAUSTIVE ? 3 : 1), missed.join('\n'));
    assert.ok(tried <= (EXHAUSTIVE ? 77 : 1.5 * numbers.length), `${tried} tries for ${numbers.length}`);
  });

  test('that cannot be reached is a warning with figures, and the best try counts', async () => {
    const faint = at('whisper.s16le');
    await makePcm(faint, "aevalsrc='0.002*sin(2*PI*300*t)':s=48000", 3);
    const wanted = { total: 144_000, own: [faint], originalVolume: 1, duck: true, loudness: TARGET };
    const { loudness, warnings } = await makeSoundtrack(ffmpeg, {
      ...wanted,
      out: at('faint.m4a'),
      ...LIMITS,
    });
    assert.ok(loudness !== null && loudness < -30, `${loudness}`);
    assert.match(
      warnings.join(),
      /Expected a loudness of -14\.0 LUFS, got -3\d\.\d\. .* too quiet.*audio\.loudness/,
    );
  });

  test('is that of an 0.3 s film as it is, because nothing measures one', async () => {
    const wanted = {
      total: 14_400,
      own: [],
      originalVolume: 0,
      duck: true,
      music: sounds.get('noise') as never,
    };
    const made = await makeSoundtrack(ffmpeg, {
      ...wanted,
      loudness: TARGET,
      out: at('short.m4a'),
      ...LIMITS,
    });
    assert.deepEqual([made.loudness, made.warnings], [null, []]);
    assert.ok(made.truePeak !== null && made.truePeak < 0, `${made.truePeak}`);
  });
});

describe('the gain', () => {
  /** A second that is everywhere as loud, and has its peaks everywhere. */
  const steady = (lufs: number, peak: number) => ({
    energies: new Float32Array(1_000).fill(48 * 10 ** ((lufs + 0.691) / 10)),
    peaks: new Float32Array(1_000).fill(10 ** (peak / 20)),
  });
  const mixed = steady(-20, -10);

  test('is none for parts at their own levels, and for silence', () => {
    assert.deepEqual(firstMaster(null, mixed), { gain: 0, limit: 0.7 });
    assert.deepEqual(firstMaster(-14, undefined), { gain: 0, limit: 0.8 });
  });

  test('is what is missing, at most 20 dB, and more where the limiter takes some of it', () => {
    assert.ok(Math.abs(firstMaster(-14, mixed).gain - 6) < 1e-4);
    assert.equal(firstMaster(-14, steady(-60, -40)).gain, 20);
    assert.ok(firstMaster(-14, steady(-20, -4)).gain > 6);
  });

  const tried = (gain: number, loudness: number, truePeak: number) => ({
    master: { gain, limit: 0.8 },
    levels: { loudness, truePeak },
  });

  test('is tried again only if that may help', () => {
    assert.equal(nextMaster(-14, mixed, [tried(6, -14.3, -2)]), undefined);
    assert.ok((nextMaster(-14, mixed, [tried(6, -15, -2)])?.gain ?? 0) > 6.9);
    assert.ok((nextMaster(-14, mixed, [tried(6, -14, -0.5)])?.limit ?? 1) < 0.75);
    // No more than 6 dB against the limiter.
    assert.equal(nextMaster(-14, mixed, [tried(12, -16, -2)]), undefined);
    // Peaks count more than loudness.
    assert.equal(bestTry(-14, [tried(6, -14, -0.5), tried(6, -16, -1.5), tried(7, -15, -1.2)]), 2);
  });

  test('is no concern of whoever asked for none', () => {
    assert.deepEqual(loudnessWarnings(null, tried(0, -30, -20)), []);
    assert.deepEqual(loudnessWarnings(-14, tried(6, -14.5, -2)), []);
  });

  test('that stops short says why: too quiet, or uneven', () => {
    const [quiet = '', ...more] = loudnessWarnings(-14, tried(20, -31, -20));
    assert.deepEqual(more, []);
    assert.match(
      quiet,
      /^Expected a loudness of -14\.0 LUFS, got -31\.0\. .* raised by 20 dB and is too quiet: .* Send a louder/,
    );
    assert.match(
      loudnessWarnings(-14, tried(12, -17, -1.9)).join(),
      /loudest moments are far above the rest/,
    );
    assert.match(
      loudnessWarnings(-14, tried(3, -12, -2)).join(),
      /far below its loudest part\. Ask for more/,
    );
  });

  test('that nobody can measure is told to be too quiet, but not a film that is too short for it', () => {
    const levels = (truePeak: number) => ({ ...tried(0, 0, truePeak), levels: { loudness: null, truePeak } });
    assert.match(loudnessWarnings(-14, levels(-73)).join(), /got a sound that is too quiet to be measured/);
    assert.deepEqual(loudnessWarnings(-14, levels(-16)), []);
    assert.deepEqual(loudnessWarnings(null, levels(-73)), []);
  });

  test('that leaves too high peaks is told, also if parts keep their levels', () => {
    for (const target of [-14, null]) {
      assert.match(
        loudnessWarnings(target, tried(6, -14, -0.9)).join(),
        /^Expected peaks of at most -1\.0 dBTP, got -0\.9, .* less loudness/,
      );
      assert.deepEqual(loudnessWarnings(target, tried(6, -14, -1)), []);
    }
  });
});
