/** Measures the loudness and the true peak of sounds. */
import { stat } from 'node:fs/promises';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { allowing } from './allow-list.ts';
import { SOUND_MEMORY_MB, SOUND_TIMEOUT_MS } from './decode-sound.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import type { RunLimits } from './limits.ts';
import { BYTES_PER_SAMPLE, pcmInput } from './sound.ts';

/** More gain would mostly raise noise. */
export const MAX_GAIN_DB = 20;
/** The absolute gate of EBU R128: anything quieter is silence. */
const SILENCE_LUFS = -70;
/** R128 measures blocks of 0.4 s, which a "Hi" does not fill. So short sounds are repeated; padding would count as theirs. */
const LEAST_SECONDS = 2;
const MEASURING: RunLimits = { timeoutMs: SOUND_TIMEOUT_MS, memoryMb: SOUND_MEMORY_MB, fileMb: 0 };

/** @param samples samples per channel in the file */
export function loudnessArguments(pcmFile: string, samples: number): string[] {
  const short = samples < LEAST_SECONDS * SAMPLE_RATE;
  return [
    ...['-v', 'info', '-nostats'],
    ...(short ? ['-stream_loop', '-1', '-t', String(LEAST_SECONDS)] : []),
    // ffmpeg before 6 does not know framelog=quiet, and verbose lines do not show at level info.
    ...[...pcmInput(pcmFile), '-af', 'ebur128=framelog=verbose', '-f', 'null', '-'],
  ];
}

/** Integrated loudness of a raw sound file by EBU R128, in LUFS; null for silence. */
export async function measureLoudness(
  ffmpeg: Ffmpeg,
  pcmFile: string,
  { signal }: { signal: AbortSignal },
): Promise<number | null> {
  const samples = Math.floor((await stat(pcmFile)).size / BYTES_PER_SAMPLE);
  if (samples === 0) return null;
  const args = loudnessArguments(pcmFile, samples);
  const { stderr } = await ffmpeg.run(args, { signal, ...MEASURING, reads: [pcmFile] });
  return readLoudness(stderr);
}

/** The last integrated loudness that ebur128 prints; null below the gate. */
export function readLoudness(stderr: string): number | null {
  const lufs = lastNumber(stderr, /^ +I: +(\S+) LUFS/gm);
  return lufs > SILENCE_LUFS ? lufs : null;
}

/** What ebur128 measures. */
export interface SoundLevels {
  /** Integrated loudness, LUFS; null below the gate. */
  loudness: number | null;
  /** Highest peak between the samples, dBTP, or of the samples where it says so; null for digital silence. */
  truePeak: number | null;
}

/** Reads the summary that ebur128 prints at the end, with the peaks that it was asked for. */
export function readMeter(stderr: string): SoundLevels {
  const peak = lastNumber(stderr, /^ +Peak: +(\S+) dBFS/gm);
  return { loudness: readLoudness(stderr), truePeak: Number.isFinite(peak) ? peak : null };
}

/** Prints loudness and true peak of encoded sound, as a player decodes it, for `readMeter`. @param file MP4 without a picture */
export function encodedLevelArguments(file: string): string[] {
  return [
    ...['-v', 'info', '-nostats', ...allowing({ demuxers: ['mov'], decoders: ['aac'] })],
    ...['-i', `file:${file}`, '-af', 'ebur128=peak=true:framelog=verbose', '-f', 'null', '-'],
  ];
}

/** ffmpeg writes "-inf" and "nan" for silence. */
function lastNumber(stderr: string, pattern: RegExp): number {
  const text = [...stderr.matchAll(pattern)].at(-1)?.[1];
  if (text === undefined) throw new Error('Expected a measurement, got none from ffmpeg');
  return Number.isFinite(Number(text)) ? Number(text) : Number.NEGATIVE_INFINITY;
}

/** The gain in dB that brings a sound to the target loudness: at most +20, and 0 for silence. */
export function gainFor(targetLufs: number, measured: number | null): number {
  return measured === null ? 0 : Math.min(MAX_GAIN_DB, targetLufs - measured);
}
