/** Builds the filter graph of a combination's sound. Pure. */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { DUCKING, levelsOf, type MixInput } from './mix-levels.ts';

/** What brings the mixed sound to its loudness. */
export interface Master {
  /** Decibels. */
  gain: number;
  /** Highest sample value, 0 to 1. */
  limit: number;
}

/** Of the limiter: it sees a peak before it comes, and lets go of it slowly. */
export const LIMITER = { attackMs: 5, releaseMs: 80 } as const;

const FLOAT = `aformat=sample_fmts=fltp:sample_rates=${SAMPLE_RATE}:channel_layouts=stereo`;
const KEY = `volume=${DUCKING.keyDb}dB,asoftclip=type=hard`;
const COMPRESSOR =
  `sidechaincompress=threshold=${DUCKING.threshold}:ratio=${DUCKING.ratio}:attack=${DUCKING.attackMs}:` +
  `release=${DUCKING.releaseMs}:knee=1:detection=rms:link=maximum`;
/**
 * Times by the count of samples. Those of concat and of the limiter leap by some samples, as a packet of sound would then
 * seem longer than it is, and all after it would be heard late.
 */
const COUNTED = 'asetpts=round(N/SR/TB)';

/**
 * From the inputs, which are the clips' own sound, the music and the voice in this order, to what is heard: exactly `total`
 * samples, without a label.
 */
export function soundGraph(input: MixInput, { gain, limit }: Master): string {
  const { total, own, music, voice } = input;
  const levels = levelsOf(input);
  const end = `atrim=end_sample=${total}`;
  const whole = `apad=whole_len=${total},${end}`;
  const voiceInput = own.length + (music === undefined ? 0 : 1);
  const chains: string[] = [];
  const parts: string[] = [];

  if (own.length > 0) {
    chains.push(...ownChains(input, whole));
    parts.push('[own]');
  }
  if (music !== undefined) {
    const { musicFadeIn, musicFadeOut } = levels;
    const fadeIn = musicFadeIn > 0 ? `,afade=t=in:nb_samples=${musicFadeIn}` : '';
    const fades = `${fadeIn}${fadeOut(total, musicFadeOut)}`;
    chains.push(`[${own.length}:a]${FLOAT},${decibels(levels.musicGain)},${end}${fades}[music]`);
    if (!levels.isDucked) parts.push('[music]');
  }
  if (voice !== undefined) {
    const delay = levels.voiceOffset > 0 ? `adelay=delays=${levels.voiceOffset}S:all=1,` : '';
    const fade = fadeOut(total, levels.voiceFadeOut);
    const outputs = levels.isDucked ? ',asplit[voice][said]' : '[voice]';
    chains.push(`[${voiceInput}:a]${FLOAT},${decibels(levels.voiceGain)},${delay}${whole}${fade}${outputs}`);
    parts.push('[voice]');
  }
  if (levels.isDucked) {
    // The compressor ends with the shorter of its inputs, and then drops what it has of the other one: how much that is depends
    // on how busy the machine is. So neither of them ends, and what comes out is cut.
    chains.push(
      `[said]${KEY},apad[key]`,
      '[music]apad[endless]',
      `[endless][key]${COMPRESSOR},${end}[ducked]`,
    );
    parts.push('[ducked]');
  }
  // Without level=0 it raises everything to full scale; without latency=1 it delays the sound by its attack.
  const limiter =
    `alimiter=limit=${limit.toFixed(3)}:attack=${LIMITER.attackMs}:release=${LIMITER.releaseMs}:` +
    'level=0:latency=1';
  return [...chains, `${mixed(parts)}${end},${decibels(gain)},${limiter},${end},${COUNTED}`].join(';');
}

/** The clips' own sound, one after the other, each at its volume. */
function ownChains({ own, originalVolume, ownVolumes }: MixInput, whole: string): string[] {
  const joined = own.length === 1 ? '' : `concat=n=${own.length}:v=0:a=1,${COUNTED},`;
  const inputs = (mark: string) => own.map((_, number) => `[${number}${mark}]`).join('');
  if (ownVolumes === undefined) {
    return [`${inputs(':a')}${joined}${FLOAT},volume=${originalVolume},${whole}[own]`];
  }
  return [
    // In floating point, where no gain clips.
    ...ownVolumes.map((volume, number) => `[${number}:a]${FLOAT},volume=${volume}[${number}own]`),
    `${inputs('own')}${joined}${whole}[own]`,
  ];
}

/** Silence, one part as it is, or the sum. amix must not change the levels, because each part already has its own. */
function mixed(parts: readonly string[]): string {
  if (parts.length === 0) return `anullsrc=channel_layout=stereo:sample_rate=${SAMPLE_RATE},`;
  if (parts.length === 1) return parts[0] as string;
  return `${parts.join('')}amix=inputs=${parts.length}:duration=first:dropout_transition=0:normalize=0,`;
}

function fadeOut(total: number, samples: number): string {
  return samples > 0 ? `,afade=t=out:start_sample=${total - samples}:nb_samples=${samples}` : '';
}

function decibels(gain: number): string {
  return `volume=${gain.toFixed(2)}dB`;
}
