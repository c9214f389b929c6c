import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gainFor, measureLoudness, readLoudness } from '../../functions/media/loudness.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();

for (const [target, measured, gain] of [
  [-16, -20, 4],
  [-16, -10, -6],
  [-30, -16, -14],
  [-16, -60, 20],
  [-16, null, 0],
] as const) {
  test(`a sound of ${measured} LUFS gets ${gain} dB to reach ${target}`, () => {
    assert.equal(gainFor(target, measured), gain);
  });
}

for (const [value, loudness] of [
  ['-23.4', -23.4],
  ['-70.0', null],
  ['-inf', null],
  ['nan', null],
] as const) {
  test(`the last value of ebur128 counts: ${value}`, () => {
    const said = `    I:         -1.0 LUFS\n  Integrated loudness:\n    I:         ${value} LUFS\n    Threshold: -20.0 LUFS\n`;
    assert.equal(readLoudness(said), loudness);
  });
}

test('missing output of ebur128 is an error', () => assert.throws(() => readLoudness('nothing')));

describe('sound', () => {
  const { ffmpeg, at } = useMedia();
  test('measures a tone as in EBU Tech 3341: 1 kHz stereo at -23 dBFS is -23 LUFS', async () => {
    await makePcm(at('tone.s16le'), "aevalsrc='0.0708*sin(2*PI*1000*t)|0.0708*sin(2*PI*1000*t)':s=48000", 3);
    const lufs = await measureLoudness(ffmpeg, at('tone.s16le'), { signal });
    assert.ok(lufs !== null && Math.abs(lufs + 23) <= 0.2, `${lufs}`);
  });

  test('measures the true loudness of a "Hi" of 0.3 s', async () => {
    await makePcm(at('hi.s16le'), "aevalsrc='0.0708*sin(2*PI*1000*t)|0.0708*sin(2*PI*1000*t)':s=48000", 0.3);
    const lufs = await measureLoudness(ffmpeg, at('hi.s16le'), { signal });
    assert.ok(lufs !== null && Math.abs(lufs + 23) <= 0.5, `${lufs}`);
  });

  test('recognises silence', async () => {
    await makePcm(at('silence.s16le'), 'anullsrc=r=48000:cl=stereo', 2);
    assert.equal(await measureLoudness(ffmpeg, at('silence.s16le'), { signal }), null);
  });
});
