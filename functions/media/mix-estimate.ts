/**
 * Estimates how loud a mix will be, millisecond by millisecond, from the envelopes of its parts. Mixing it with ffmpeg only
 * to measure it takes as long as a third of making it.
 */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { DUCKING, levelsOf, type MixInput } from './mix-levels.ts';
import { type Envelope, SAMPLES_PER_MS } from './sound-envelope.ts';

/** Of the parts of a mix, each from its beginning; those of the clips in order. */
export interface PartEnvelopes {
  own: readonly Envelope[];
  music?: Envelope;
  voice?: Envelope;
}

/** What the compressor's filters move by in a millisecond. Its own formula, per sample. */
const [ATTACK, RELEASE] = [DUCKING.attackMs, DUCKING.releaseMs].map(
  (ms) => 1 - (1 - 4000 / (ms * SAMPLE_RATE)) ** SAMPLES_PER_MS,
) as [number, number];

/** The sum of all parts at their levels. Energies add up, because the parts have nothing to do with each other. */
export function estimateMix(input: MixInput, parts: PartEnvelopes): Envelope {
  const count = Math.ceil(input.total / SAMPLES_PER_MS);
  const sum = { peaks: new Float32Array(count), energies: new Float32Array(count) };
  const levels = levelsOf(input);
  let at = 0;
  for (const [number, own] of parts.own.entries()) {
    add(sum, own, () => input.ownVolumes?.[number] ?? input.originalVolume, at);
    at += own.peaks.length;
  }
  let ducked: Float32Array | undefined;
  if (parts.voice !== undefined) {
    const voice = { peaks: new Float32Array(count), energies: new Float32Array(count) };
    const fadeOut = fade(0, levels.voiceFadeOut, input.total);
    add(voice, parts.voice, (ms) => amplitude(levels.voiceGain) * fadeOut(ms), inMs(levels.voiceOffset));
    add(sum, voice, () => 1, 0);
    if (levels.isDucked) ducked = duckedBy(voice);
  }
  if (parts.music !== undefined) {
    const fades = fade(levels.musicFadeIn, levels.musicFadeOut, input.total);
    const gain = amplitude(levels.musicGain);
    const level = (ms: number) => gain * fades(ms) * (ducked?.[ms] ?? 1);
    const length = parts.music.peaks.length;
    for (let begin = 0; begin < count && length > 0; begin += length) add(sum, parts.music, level, begin);
  }
  return sum;
}

/** @param from where it begins, milliseconds @param level by millisecond of the sum */
function add(
  { peaks, energies }: Envelope,
  part: Envelope,
  level: (ms: number) => number,
  from: number,
): void {
  const end = Math.min(peaks.length, from + part.peaks.length);
  for (let ms = from; ms < end; ms++) {
    const factor = level(ms);
    peaks[ms] = (peaks[ms] as number) + factor * (part.peaks[ms - from] as number);
    energies[ms] = (energies[ms] as number) + factor ** 2 * (part.energies[ms - from] as number);
  }
}

/** What the compressor leaves of the music, 0 to 1 for each millisecond, as ffmpeg's computes it. */
function duckedBy({ peaks }: Envelope): Float32Array {
  const key = amplitude(DUCKING.keyDb);
  const left = new Float32Array(peaks.length);
  let level = 0;
  for (let ms = 0; ms < left.length; ms++) {
    const said = Math.min(1, key * (peaks[ms] as number)) ** 2;
    level += (said - level) * (said > level ? ATTACK : RELEASE);
    const over = Math.sqrt(level) / DUCKING.threshold;
    left[ms] = over > 1 ? over ** (1 / DUCKING.ratio - 1) : 1;
  }
  return left;
}

/** @param fadeIn samples @param fadeOut samples @param total samples */
function fade(fadeIn: number, fadeOut: number, total: number): (ms: number) => number {
  return (ms) => {
    const at = (ms + 0.5) * SAMPLES_PER_MS;
    const into = fadeIn > 0 ? at / fadeIn : 1;
    const out = fadeOut > 0 ? (total - at) / fadeOut : 1;
    return Math.max(0, Math.min(1, into) * Math.min(1, out));
  };
}

function inMs(samples: number): number {
  return Math.round(samples / SAMPLES_PER_MS);
}

function amplitude(gainDb: number): number {
  return 10 ** (gainDb / 20);
}
