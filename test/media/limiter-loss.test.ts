import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limiterLossOf } from '../../functions/media/limiter-loss.ts';
import { readLoudness } from '../../functions/media/loudness.ts';
import { soundGraph } from '../../functions/media/mix-graph.ts';
import { pcmInput } from '../../functions/media/sound.ts';
import { readEnvelope } from '../../functions/media/sound-envelope.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const SECONDS = 6;
const LIMIT = 0.8;
/** Of the estimate; loudness is only found to half a unit. */
const TOLERANCE_LU = 0.3;
/** Sounds, and the gain that drives each into the limiter. */
const SOUNDS = [
  ['claps', 14, "aevalsrc='if(lt(mod(t,0.5),0.04),0.5*sin(2*PI*900*t),0.05*sin(2*PI*600*t))':s=48000"],
  ['words', 12, "aevalsrc='0.4*sin(2*PI*300*t)*pow(sin(PI*2*t),4)+0.02*sin(2*PI*2000*t)':s=48000"],
  ['hard words', 14, "aevalsrc='0.5*sin(2*PI*400*t)*exp(-9*mod(t,0.31))*(0.4+0.6*sin(2*PI*0.4*t))':s=48000"],
  ['noise', 20, 'anoisesrc=c=pink:a=0.4:r=48000:seed=3,tremolo=f=2:d=0.6'],
] as const;

describe('what a limiter takes from the loudness', () => {
  const { ffmpeg, at } = useMedia();

  async function loudness(file: string, filters: string): Promise<number> {
    const meter = [
      '-nostats',
      ...pcmInput(file),
      '-af',
      `${filters}ebur128=framelog=verbose`,
      '-f',
      'null',
      '-',
    ];
    const limits = { signal, timeoutMs: 60_000, memoryMb: 512, fileMb: 0 };
    return readLoudness((await ffmpeg.run(meter, { ...limits, reads: [file] })).stderr) as number;
  }

  for (const [name, gain, source] of SOUNDS) {
    test(`is estimated as ffmpeg's own takes it: ${name}`, async (t) => {
      const file = at(`${name}.s16le`);
      await makePcm(file, source, SECONDS);
      const input = { total: SECONDS * 48_000, own: [file], originalVolume: 1, duck: true };
      const heardBy = soundGraph(input, { gain, limit: LIMIT }).split(';').at(-1)?.replace('[own]', '');
      const plain = await loudness(file, '');
      const heard = await loudness(file, `${heardBy},`);
      const envelope = await readEnvelope(file, input.total);
      const [taken, estimated] = [plain + gain - heard, limiterLossOf(envelope, LIMIT)(gain)];
      t.diagnostic(`${taken.toFixed(2)} LU, estimated ${estimated.toFixed(2)}`);
      assert.ok(taken > 0.7, `${taken} LU: too little to tell`);
      assert.ok(Math.abs(taken - estimated) <= TOLERANCE_LU, `${taken} LU, estimated ${estimated}`);
    });
  }

  test('is nothing below the limit, and for silence', () => {
    const of = (peak: number) => ({
      peaks: new Float32Array(1_000).fill(peak),
      energies: new Float32Array(1_000).fill(peak * peak),
    });
    assert.equal(limiterLossOf(of(0.3), LIMIT)(6), 0);
    assert.equal(limiterLossOf(of(0), LIMIT)(6), 0);
    // A level sound that is 6 dB too high is lowered by 6 dB.
    assert.ok(Math.abs(limiterLossOf(of(LIMIT), LIMIT)(6) - 6) < 0.2);
  });
});
