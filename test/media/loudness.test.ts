import assert from 'node:assert/strict';
import { stat, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { decodeSound, gainFor, measureLoudness, readLoudness } from '../../functions/media/loudness.ts';
import { makeFilm, makePcm, makeSound } from '../fixtures/media/clips.ts';
import { wav } from '../fixtures/media/containers.ts';
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
  const decoded = (file: string, more: { stream?: number; maxSeconds?: number } = {}) =>
    decodeSound(ffmpeg, { file, out: at('out.s16le'), maxSeconds: 60, signal, ...more });

  for (const [name, output, samples, slack] of [
    ['a.wav', [], 96_000, 0],
    ['mono.wav', ['-ac', '1', '-ar', '22050'], 96_000, 4],
    ['a.mp3', [], 96_000, 0],
    ['a.m4a', [], 96_000, 1_024],
    ['a.ogg', ['-c:a', 'libopus'], 96_000, 1_000],
    ['surround.flac', ['-ac', '6'], 96_000, 0],
  ] as const) {
    test(`decodes all of ${name} to 48 kHz stereo`, async () => {
      const found = await decoded(await makeSound(at(name), { seconds: 2, output }));
      assert.ok(Math.abs(found.samples - samples) <= slack, `${found.samples}`);
      assert.equal((await stat(at('out.s16le'))).size, found.samples * 4);
    });
  }

  test('takes the sound of a film', async () => {
    assert.ok((await decoded(await makeFilm(at('film.mp4')), { stream: 1 })).samples > 47_000);
  });

  for (const [what, make, code] of [
    ['a film without sound', () => makeFilm(at('mute.mp4'), { sound: 'none' }), 'no_sound'],
    ['a sound of no length', () => makeSound(at('none.wav'), { output: ['-t', '0'] }), 'no_sound'],
    ['a page', () => page(), 'media_unreadable'],
    // Audio from a voice vendor arrives without being probed first.
    ['a playlist', () => written('list.mp3', '#EXTM3U\n#EXTINF:1,\nfilm.mp4\n'), 'media_unreadable'],
    ['a script', () => written('script.mp3', "ffconcat version 1.0\nfile 'film.mp4'\n"), 'media_unreadable'],
    [
      'a sample that lasts a second',
      () => written('1hz.wav', wav(Buffer.alloc(400_000), { rate: 1 })),
      'clip_too_long',
    ],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const error = await decoded(await make()).catch((reason: unknown) => reason);
      assert.equal((error as { code: string }).code, code, `${error}`);
      assert.ok(!`${error}`.includes(at('')));
    });
  }

  const page = () => written('page.mp3', '<!doctype html><p>Sign in');

  async function written(name: string, bytes: string | Buffer): Promise<string> {
    await writeFile(at(name), bytes);
    return at(name);
  }

  test('refuses a sound that is too long, and accepts one that just fits', async () => {
    const file = await makeSound(at('two.wav'), { seconds: 2 });
    assert.equal((await decoded(file, { maxSeconds: 2 })).samples, 96_000);
    await assert.rejects(decoded(file, { maxSeconds: 1 }), { code: 'clip_too_long' });
  });

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
