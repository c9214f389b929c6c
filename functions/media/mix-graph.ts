/** Builds the filter graphs of a combination's sound. Pure. Levels and times were found by measurement. */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { gainFor } from './loudness.ts';

export interface MixSound {
  /** Absolute path of raw sound. */
  file: string;
  /** Samples per channel. */
  samples: number;
  /** Integrated loudness in LUFS; null for silence. */
  loudness: number | null;
}

export interface SoundGraph {
  /** Length of the picture in samples. The sound ends with it. */
  total: number;
  /** Input numbers of the clips' own sound, in order; empty if it is not wanted. */
  own: readonly number[];
  /** 0 to 1. */
  originalVolume: number;
  music: (MixSound & MusicChoices & { input: number }) | undefined;
  voice: (MixSound & { input: number }) | undefined;
  /** Samples before the voice begins. */
  voiceOffset: number;
  duck: boolean;
}

export interface MusicChoices {
  /** Gain on its level, dB. */
  db: number;
  /** Samples; together they may be longer than the film. */
  fadeIn: number;
  fadeOut: number;
}

/** What brings the mixed sound to its loudness. */
export interface Master {
  /** Decibels. */
  gain: number;
  /** Highest sample value, 0 to 1. */
  limit: number;
}

const VOICE_LUFS = -16;
const MUSIC_LUFS = -16;
const MUSIC_UNDER_VOICE_LUFS = -30;
/** For a voice that is cut off: long enough to sound intended, short enough to lose few words. */
const VOICE_FADE = SAMPLE_RATE / 2;

const FLOAT = `aformat=sample_fmts=fltp:sample_rates=${SAMPLE_RATE}:channel_layouts=stereo`;
/**
 * What the compressor listens to. Speech amplified until it clips has the same level while anyone speaks, so the music
 * goes down by a constant amount (13.5 to 14 dB measured) instead of a different one with every syllable (7 to 21 dB).
 */
const KEY = 'volume=30dB,asoftclip=type=hard';
/** 14 dB down within 0.1 s. A release of 800 ms bridges the gaps between words, and is over 0.7 s after the last one. */
const DUCKING =
  'sidechaincompress=threshold=0.175:ratio=20:attack=20:release=800:knee=1:detection=rms:link=maximum';

/** Passes the sound through and prints its loudness at the end. */
const METER = 'ebur128=framelog=verbose';

/**
 * Times by the count of samples. Those of concat and of the limiter leap by some samples, as a packet of sound would then
 * seem longer than it is, and all after it would be heard late.
 */
const COUNTED = 'asetpts=round(N/SR/TB)';

/** From the inputs to the sum of all parts, which has exactly `total` samples and may be above full scale; without a label. */
export function soundGraph(sound: SoundGraph): string {
  const { total, music, voice } = sound;
  const end = `atrim=end_sample=${total}`;
  const whole = `apad=whole_len=${total},${end}`;
  const ducked = music !== undefined && voice !== undefined && sound.duck;
  const chains: string[] = [];
  const parts: string[] = [];

  if (sound.own.length > 0) {
    const inputs = sound.own.map((input) => `[${input}:a]`).join('');
    const joined = sound.own.length === 1 ? '' : `concat=n=${sound.own.length}:v=0:a=1,${COUNTED},`;
    chains.push(`${inputs}${joined}${FLOAT},volume=${sound.originalVolume},${whole}[own]`);
    parts.push('[own]');
  }
  if (music !== undefined) {
    const under = voice !== undefined && !ducked;
    const gain = decibels(gainFor(under ? MUSIC_UNDER_VOICE_LUFS : MUSIC_LUFS, music.loudness) + music.db);
    chains.push(`[${music.input}:a]${FLOAT},${gain},${end}${fades(total, music)}[music]`);
    if (!ducked) parts.push('[music]');
  }
  if (voice !== undefined) {
    const fade = voice.samples + sound.voiceOffset > total ? fadeOut(total, VOICE_FADE) : '';
    const delay = sound.voiceOffset > 0 ? `adelay=delays=${sound.voiceOffset}S:all=1,` : '';
    const gain = decibels(gainFor(VOICE_LUFS, voice.loudness));
    // Padded, because the compressor ends with the shorter of its inputs.
    chains.push(
      `[${voice.input}:a]${FLOAT},${gain},${delay}${whole}${fade}${ducked ? ',asplit[voice][said]' : '[voice]'}`,
    );
    parts.push('[voice]');
  }
  if (ducked) {
    chains.push(`[said]${KEY}[key]`, `[music][key]${DUCKING}[ducked]`);
    parts.push('[ducked]');
  }
  return [...chains, `${mixed(parts)}${end}`].join(';');
}

/** Behind the sum of all parts. @param peak whether to print the highest sample as well */
export function meter(peak: boolean): string {
  return `,${METER}${peak ? ':peak=sample' : ''}`;
}

/** Behind the sum of all parts: what is heard. */
export function master({ gain, limit }: Master, total: number): string {
  // Without level=0 it raises everything to full scale; without latency=1 it delays the sound by its attack.
  const limiter = `alimiter=limit=${limit.toFixed(3)}:attack=5:release=80:level=0:latency=1`;
  return `,${decibels(gain)},${limiter},atrim=end_sample=${total},${COUNTED}`;
}

/** Silence, one part as it is, or the sum. amix must not change the levels, because each part already has its own. */
function mixed(parts: readonly string[]): string {
  if (parts.length === 0) return `anullsrc=channel_layout=stereo:sample_rate=${SAMPLE_RATE},`;
  if (parts.length === 1) return parts[0] as string;
  return `${parts.join('')}amix=inputs=${parts.length}:duration=first:dropout_transition=0:normalize=0,`;
}

/** Shortened alike if the film is too short for both. */
function fades(total: number, { fadeIn, fadeOut: wanted }: MusicChoices): string {
  const share = Math.min(1, total / (fadeIn + wanted || 1));
  const begin = Math.floor(fadeIn * share);
  const end = Math.floor(wanted * share);
  return `${begin > 0 ? `,afade=t=in:nb_samples=${begin}` : ''}${end > 0 ? fadeOut(total, end) : ''}`;
}

function fadeOut(total: number, length: number): string {
  const samples = Math.min(length, total);
  return `,afade=t=out:start_sample=${total - samples}:nb_samples=${samples}`;
}

function decibels(gain: number): string {
  return `volume=${gain.toFixed(2)}dB`;
}
