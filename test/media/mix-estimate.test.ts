import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { measureLoudness } from '../../functions/media/loudness.ts';
import { estimateMix } from '../../functions/media/mix-estimate.ts';
import { soundGraph } from '../../functions/media/mix-graph.ts';
import type { MixInput, MixSound } from '../../functions/media/mix-levels.ts';
import { type Envelope, loudnessOf, readEnvelope } from '../../functions/media/sound-envelope.ts';
import { makePcm, makeSpeech } from '../fixtures/media/clips.ts';
import { ffmpeg as run } from '../fixtures/media/finished.ts';
import { useMedia } from '../fixtures/media/media.ts';

const { signal } = new AbortController();
const RATE = 48_000;
const ALL = Number.MAX_SAFE_INTEGER;
const SOURCES = {
  noise: 'anoisesrc=c=pink:a=0.3:r=48000:seed=3,tremolo=f=2:d=0.6',
  kicks: "aevalsrc='0.9*sin(2*PI*60*t)*exp(-18*mod(t,0.5))+0.05*sin(2*PI*440*t)':s=48000",
  street: 'anoisesrc=c=brown:a=0.3:r=48000:seed=4',
};

describe('the estimate of a mix', () => {
  const { ffmpeg, at } = useMedia();
  const sounds: Record<string, MixSound> = {};

  before(async () => {
    for (const [name, source] of Object.entries(SOURCES)) await makePcm(at(`${name}.s16le`), source, 4);
    await makeSpeech(at('speech.wav'), { speaking: 3 });
    await run('-i', at('speech.wav'), '-ar', '48000', '-ac', '2', '-f', 's16le', at('speech.s16le'));
    for (const name of [...Object.keys(SOURCES), 'speech']) {
      const file = at(`${name}.s16le`);
      const { peaks } = await readEnvelope(file, ALL);
      const loudness = await measureLoudness(ffmpeg, file, { signal });
      sounds[name] = { file, samples: peaks.length * 48, loudness };
    }
  });

  const sound = (name: string) => sounds[name] as MixSound;

  /** Each is compared with what ffmpeg mixes. */
  const mixes: Record<string, () => Partial<MixInput>> = {
    'music that is repeated': () => ({ music: sound('kicks') }),
    'music that fades, and is lower': () => ({
      ...{ music: sound('noise'), musicDb: -6 },
      ...{ musicFadeInSeconds: 2, musicFadeOutSeconds: 3 },
    }),
    'a voice': () => ({ voice: sound('speech'), voiceOffsetSeconds: 1.5 }),
    'music that is lowered under a voice': () => ({
      music: sound('noise'),
      voice: sound('speech'),
      voiceOffsetSeconds: 2,
    }),
    'music that stays under a voice that is cut off': () => ({
      ...{ music: sound('kicks'), voice: sound('speech') },
      ...{ voiceOffsetSeconds: 4.5, duck: false },
    }),
    'clips alone, lowered': () => ({ own: [sound('street').file, sound('kicks').file], originalVolume: 0.5 }),
    'clips, music and a voice': () => ({
      ...{ own: [sound('street').file, sound('noise').file], originalVolume: 0.5 },
      ...{ music: sound('kicks'), voice: sound('speech') },
    }),
  };

  for (const [what, change] of Object.entries(mixes)) {
    test(`is as loud and as high as the mix: ${what}`, async () => {
      const input: MixInput = { total: 6 * RATE, own: [], originalVolume: 0, duck: true, ...change() };
      const file = at('mixed.s16le');
      // Low enough for every peak, which a file of 16 bits would cut.
      await mix(input, -12, file);
      const mixed = await readEnvelope(file, ALL);
      const estimate = await estimated(input);
      assert.equal(estimate.peaks.length, mixed.peaks.length);
      const [loudness, heard] = [loudnessOf(estimate) ?? NaN, (loudnessOf(mixed) ?? NaN) + 12];
      assert.ok(Math.abs(loudness - heard) <= 0.3, `${loudness.toFixed(2)} LUFS, heard ${heard.toFixed(2)}`);
      const [peak, highest] = [peakOf(estimate), peakOf(mixed) + 12];
      // Peaks of two sounds seldom meet, so the sum is above what is heard.
      assert.ok(
        peak >= highest - 0.2 && peak <= highest + 4,
        `${peak.toFixed(2)} dB, heard ${highest.toFixed(2)}`,
      );
    });
  }

  async function mix(input: MixInput, gain: number, out: string): Promise<void> {
    const files = [...input.own, ...[input.music, input.voice].flatMap((one) => (one ? [one.file] : []))];
    const inputs = files.flatMap((file) => [
      ...(file === input.music?.file ? ['-stream_loop', '-1'] : []),
      ...['-f', 's16le', '-ar', '48000', '-ac', '2', '-i', file],
    ]);
    const graph = `${soundGraph(input, { gain, limit: 1 })}[a]`;
    await run(...inputs, '-filter_complex', graph, '-map', '[a]', '-f', 's16le', out);
  }

  async function estimated(input: MixInput): Promise<Envelope> {
    const read = ({ file }: MixSound) => readEnvelope(file, ALL);
    return estimateMix(input, {
      own: await Promise.all(input.own.map((file) => readEnvelope(file, ALL))),
      ...(input.music === undefined ? {} : { music: await read(input.music) }),
      ...(input.voice === undefined ? {} : { voice: await read(input.voice) }),
    });
  }
});

function peakOf({ peaks }: Envelope): number {
  return 20 * Math.log10(peaks.reduce((highest, next) => Math.max(highest, next), 0));
}
