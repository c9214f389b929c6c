/** Joins twenty odd clips in random order at every rate. A join must not add any time. */
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { conformClip } from '../../functions/media/conform.ts';
import { probe } from '../../functions/media/probe.ts';
import { samplesOf } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Probe } from '../../functions/model/probe.ts';
import { bagDraw, seededRandom } from '../../functions/model/random.ts';
import { type MixClip, mixCombination } from '../fixtures/media/combination.ts';
import { filmFacts, soundOf } from '../fixtures/media/measure.ts';
import { useMedia } from '../fixtures/media/media.ts';
import { expectedFrames, filmOf, makeOddClip, ODD_CLIPS, type OddClip } from '../fixtures/media/odd-clips.ts';
import { plainProfile } from '../fixtures/media/plain-choices.ts';
import { placeOf, type ReadFrame, readFilm } from '../fixtures/media/read-film.ts';
import { sampled } from '../fixtures/system/sample.ts';

const { signal } = new AbortController();
const LIMITS = { signal, timeoutMs: 120_000 };
const RATES = ['24000/1001', '24', '25', '30000/1001', '30', '50', '60000/1001', '60'];
const COUNT = 20;
const SAMPLE_RATE = 48_000;
/** The most that a join may add, in samples: 1 ms. */
const JOIN_MOST = SAMPLE_RATE / 1_000;
const LOOK = 5 * JOIN_MOST;
const BEEP = 0.05;

interface Odd {
  id: number;
  clip: OddClip;
  file: string;
  probe: Probe;
}

describe('twenty odd clips', () => {
  const { ffmpeg, at } = useMedia();
  const odd: Odd[] = [];

  before(async () => {
    // Twenty different clips, selected by the seed.
    const ids = bagDraw([...ODD_CLIPS.keys()], COUNT, seededRandom(11, 'odd clips'));
    for (const id of ids) {
      const clip = ODD_CLIPS[id] as OddClip;
      const file = at(`${id}${/\.\w+$/.exec(clip.name)?.[0]}`);
      await makeOddClip(file, clip, id);
      odd.push({ id, clip, file, probe: await probe(ffmpeg, file, { signal }) });
    }
  });

  async function conformed({ id, file, probe: found }: Odd, profile: Profile): Promise<MixClip> {
    const dir = at(`${profile.rate.num}-${id}`);
    await mkdir(dir);
    const { frames } = await conformClip(ffmpeg, {
      file,
      probe: found,
      profile,
      dir,
      threads: 1,
      maxSeconds: 60,
      ...LIMITS,
    });
    return { video: join(dir, 'video.mp4'), sound: join(dir, 'sound.s16le'), frames };
  }

  for (const [number, rate] of sampled([...RATES.entries()], 8, 'rates')) {
    test(`in random order at ${rate} have every frame in its place, and no join adds a millisecond`, async (t) => {
      const [num = 0, den = 1] = rate.split('/').map(Number);
      const profile = plainProfile(256, 144, { num, den });
      const order = bagDraw(odd, COUNT, seededRandom(number, 'order'));
      const clips: MixClip[] = [];
      for (const one of order) clips.push(await conformed(one, profile));
      const dir = at(`mix-${number}`);
      await mkdir(dir);
      const out = join(dir, 'out.mp4');
      const mixed = await mixCombination(ffmpeg, {
        clips,
        rate: profile.rate,
        originalVolume: 1,
        duck: true,
        dir,
        out,
        ...LIMITS,
      });

      const expected = order.map(({ clip }) => expectedFrames(clip, num / den));
      assert.deepEqual(
        clips.map(({ frames }) => frames),
        expected.map(({ length }) => length),
      );
      const facts = await filmFacts(out);
      assert.deepEqual(
        { ...facts, seconds: facts.seconds.toFixed(6) },
        { frames: mixed.frames, seconds: mixed.seconds.toFixed(6), start: 0, even: true, complaints: '' },
      );
      const heard = await soundOf(out);
      assert.ok(Math.abs(heard.length - samplesOf(mixed.frames, profile.rate)) <= 1024);

      // Read once for each shape, because the position of the cells depends on it.
      const reads = new Map<number, Promise<ReadFrame[]>>();
      const seen = (shape: number) => {
        const reading = reads.get(shape) ?? readFilm(out, placeOf(shape, profile));
        reads.set(shape, reading);
        return reading;
      };
      let first = 0;
      let worst = 0;
      for (const [place, { id, clip }] of order.entries()) {
        const { frames, sound } = clips[place] as MixClip;
        const film = filmOf(clip);
        const shape = clip.shape ?? film.width / film.height;
        const read = (await seen(shape)).slice(first, first + frames);
        const wrong = read.flatMap((frame, index) => {
          const { from = 0, to = 0 } = expected[place]?.[index] ?? {};
          return frame.id === id && frame.frame >= from && frame.frame <= to
            ? []
            : [`${index}: ${frame.frame}, not ${from}-${to}`];
        });
        assert.deepEqual(wrong, [], `${clip.name}`);
        const own = await firstChannel(sound);
        const beep = own.findIndex((value) => Math.abs(value) > BEEP);
        if (beep >= 0) {
          const lag = lagOf(
            heard,
            samplesOf(first, profile.rate) + beep,
            own.subarray(beep, beep + SAMPLE_RATE / 25),
          );
          assert.ok(Math.abs(lag) <= JOIN_MOST, `${clip.name}: ${lag} samples`);
          worst = Math.max(worst, Math.abs(lag));
        }
        first += frames;
      }
      assert.equal(first, mixed.frames);
      t.diagnostic(
        `${rate}: ${first} frames of ${COUNT} clips, a join adds ${((worst * 1000) / SAMPLE_RATE).toFixed(2)} ms at most`,
      );
    });
  }
});

/** The first channel of raw 16-bit stereo, from -1 to 1. */
async function firstChannel(file: string): Promise<Float32Array> {
  const bytes = await readFile(file);
  return Float32Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readInt16LE(at * 4) / 32_768);
}

/** How many samples later than expected `wanted` is heard: the shift with the highest correlation. */
function lagOf(heard: Float32Array, expected: number, wanted: Float32Array): number {
  let best = { lag: Number.NaN, alike: Number.NEGATIVE_INFINITY };
  for (let lag = -LOOK; lag <= LOOK; lag++) {
    let alike = 0;
    for (const [at, value] of wanted.entries()) alike += value * (heard[expected + lag + at] ?? 0);
    if (alike > best.alike) best = { lag, alike };
  }
  return best.lag;
}
