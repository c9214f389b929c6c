import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { measureLoudness } from '../../functions/media/loudness.ts';
import { createEnvelopes, loudnessOf, readEnvelope } from '../../functions/media/sound-envelope.ts';
import { makePcm } from '../fixtures/media/clips.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const SECONDS = 5;
const ALL = Number.MAX_SAFE_INTEGER;
/** With quiet parts that do not count, frequencies that weigh more or less, and none of that. */
const SOUNDS: readonly [name: string, source: string, seconds?: number][] = [
  ['a tone', 'sine=f=997:r=48000'],
  ['noise', 'anoisesrc=c=pink:a=0.4:r=48000:seed=3,tremolo=f=2:d=0.6'],
  ['what is deep', 'anoisesrc=c=brown:a=0.5:r=48000:seed=4'],
  ['what is high', "aevalsrc='0.3*sin(2*PI*9000*t)':s=48000"],
  [
    'a murmur that counts only where silence does',
    "aevalsrc='if(lt(t,0.6),0.1,if(lt(t,1.2),0.01,0.00005))*sin(2*PI*900*t)':s=48000",
    40,
  ],
  ['words in silence', "aevalsrc='if(lt(mod(t,2.5),0.8),0.4*sin(2*PI*300*t),0.001*sin(2*PI*900*t))':s=48000"],
];

describe('the envelope of a sound', () => {
  const { ffmpeg, at } = useMedia();

  for (const [name, source, seconds = SECONDS] of SOUNDS) {
    test(`has the loudness that ffmpeg measures: ${name}`, async () => {
      const file = at(`${name}.s16le`);
      await makePcm(file, source, seconds);
      const [measured, found] = [
        await measureLoudness(ffmpeg, file, { signal }),
        loudnessOf(await readEnvelope(file, ALL)),
      ];
      assert.ok(Math.abs((found ?? NaN) - (measured ?? NaN)) <= 0.06, `${found}, measured ${measured}`);
    });
  }

  test('has a value per millisecond, the last one perhaps of less, and no more than is asked for', async () => {
    const file = at('steps.s16le');
    const samples = Int16Array.from({ length: 2 * 100 }, (_, at) =>
      at < 96 ? 16_384 : at % 2 === 0 ? -32_768 : 0,
    );
    await writeFile(file, samples);
    assert.deepEqual([...(await readEnvelope(file, ALL)).peaks], [0.5, 1, 1]);
    assert.deepEqual([...(await readEnvelope(file, 48)).peaks], [0.5]);
    assert.equal(loudnessOf(await readEnvelope(file, ALL)), null, 'less than a block of 0.4 s');
  });

  test('of silence is nothing', async () => {
    const file = at('silent.s16le');
    await writeFile(file, new Uint8Array(4 * 48_000));
    assert.equal(loudnessOf(await readEnvelope(file, ALL)), null);
  });

  test('is read once for films of about one length', async () => {
    const file = at('once.s16le');
    await makePcm(file, 'sine=f=997:r=48000', 1);
    const read = createEnvelopes();
    const first = await read(file, 48_000);
    assert.equal(await read(file, 20_000), first);
    assert.equal(first.peaks.length, 1_000);
    assert.notEqual(await read(file, 61 * 48_000), first);
    await assert.rejects(read(at('none.s16le'), 1), { code: 'ENOENT' });
  });

  test('is read also if others push it out of what is kept meanwhile', async () => {
    const files = ['a', 'b', 'c', 'd'].map((name) => at(`${name}.s16le`));
    // The first one takes longer than all others.
    for (const [nth, file] of files.entries()) await makePcm(file, 'sine=f=997:r=48000', nth === 0 ? 60 : 1);
    const read = createEnvelopes(20_000);
    const all = await Promise.all(files.map((file) => read(file, 48_000)));
    assert.deepEqual(
      all.map(({ peaks }) => peaks.length),
      [60_000, 1_000, 1_000, 1_000],
    );
  });
});
