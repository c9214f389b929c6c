/** How the parts of a combination's sound are put together. Levels and times were found by measurement. */
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

/** The parts of the sound, and how they are put together. Times are seconds, gains decibels. */
export interface MixInput {
  /** Samples per channel: the length of the picture. */
  total: number;
  /** The clips' own sound, absolute paths in order; empty if nobody hears it. */
  own: readonly string[];
  /** Its volume, 0 to 2, unless the clips have volumes of their own. */
  originalVolume: number;
  /** One per clip; absent: originalVolume for all. */
  ownVolumes?: readonly number[];
  music?: MixSound;
  voice?: MixSound;
  /** Whether to lower the music while the voice speaks. */
  duck: boolean;
  /** When the voice begins; 0 if absent. */
  voiceOffsetSeconds?: number;
  /** Gain on the music's level; 0 if absent. */
  musicDb?: number;
  musicFadeInSeconds?: number;
  musicFadeOutSeconds?: number;
}

/** What follows for the parts. Gains are decibels, lengths samples. */
export interface MixLevels {
  musicGain: number;
  /** From the beginning of the film, and to its end; 0 for none. */
  musicFadeIn: number;
  musicFadeOut: number;
  isDucked: boolean;
  voiceGain: number;
  /** Before the voice begins. */
  voiceOffset: number;
  /** To the end of the film, of a voice that is cut off there; 0 for none. */
  voiceFadeOut: number;
}

/** Of the compressor that lowers the music by 14 dB within 0.1 s. */
export const DUCKING = {
  /**
   * Gain on what it listens to, which then clips. Speech amplified that much has the same level while anyone speaks, so
   * the music goes down by a constant amount (13.5 to 14 dB measured) instead of a different one with every syllable (7
   * to 21 dB).
   */
  keyDb: 30,
  threshold: 0.175,
  ratio: 20,
  attackMs: 20,
  /** Bridges the gaps between words, and is over 0.7 s after the last one. */
  releaseMs: 800,
} as const;

const VOICE_LUFS = -16;
const MUSIC_LUFS = -16;
const MUSIC_UNDER_VOICE_LUFS = -30;
/** For a voice that is cut off: long enough to sound intended, short enough to lose few words. */
const VOICE_FADE = SAMPLE_RATE / 2;
const MUSIC_FADE_OUT_SECONDS = 1;

export function levelsOf({ total, music, voice, duck, ...choices }: MixInput): MixLevels {
  const { musicDb = 0, musicFadeInSeconds = 0, musicFadeOutSeconds = MUSIC_FADE_OUT_SECONDS } = choices;
  const isDucked = music !== undefined && voice !== undefined && duck;
  const musicLufs = voice === undefined || isDucked ? MUSIC_LUFS : MUSIC_UNDER_VOICE_LUFS;
  const voiceOffset = inSamples(choices.voiceOffsetSeconds ?? 0);
  const isCut = voice !== undefined && voice.samples + voiceOffset > total;
  // Shortened alike if the film is too short for both.
  const fades = [inSamples(musicFadeInSeconds), inSamples(musicFadeOutSeconds)] as const;
  const share = Math.min(1, total / (fades[0] + fades[1] || 1));
  return {
    musicGain: gainFor(musicLufs, music?.loudness ?? null) + musicDb,
    musicFadeIn: Math.floor(fades[0] * share),
    musicFadeOut: Math.floor(fades[1] * share),
    isDucked,
    voiceGain: gainFor(VOICE_LUFS, voice?.loudness ?? null),
    voiceOffset,
    voiceFadeOut: isCut ? Math.min(VOICE_FADE, total) : 0,
  };
}

function inSamples(seconds: number): number {
  return Math.round(seconds * SAMPLE_RATE);
}
