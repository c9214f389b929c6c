/** Decodes sounds, and measures their loudness and true peak. */
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { allowing } from './allow-list.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import type { RunLimits } from './limits.ts';
import { BYTES_PER_SAMPLE, PCM_OUT, pcmFilter, pcmInput, pcmMb } from './sound.ts';
import { untrustedInput } from './untrusted.ts';

/** More gain would mostly raise noise. */
const MAX_GAIN_DB = 20;
/** The absolute gate of EBU R128: anything quieter is silence. */
const SILENCE_LUFS = -70;
/** R128 measures blocks of 0.4 s, which a "Hi" does not fill. So short sounds are repeated; padding would count as theirs. */
const LEAST_SECONDS = 2;
/** Enough for two hours of sound on a slow, busy machine. */
const TIMEOUT_MS = 300_000;
/** The oddest files took 150 MB. */
export const SOUND_MEMORY_MB = 512;
const MEASURING: RunLimits = { timeoutMs: TIMEOUT_MS, memoryMb: SOUND_MEMORY_MB, fileMb: 0 };

export interface SoundSource {
  /** Absolute path of a track, a spoken line or anything else with an audio stream. */
  file: string;
  /** Index of the stream within the file; the first audio stream if absent. */
  stream?: number;
  /** Path of the raw sound to make: 16-bit stereo at 48 kHz. */
  out: string;
  /** Longest sound allowed. */
  maxSeconds: number;
}

/** Decodes one second more than allowed, to tell sound that is too long from sound that just fits. */
export function decodeArguments({ file, stream, out, maxSeconds }: SoundSource): string[] {
  return [
    // At level info, ffmpeg says where its own messages begin.
    ...['-v', 'info', '-nostats', '-y', ...untrustedInput(file)],
    ...['-map', stream === undefined ? '0:a:0?' : `0:${stream}`, '-vn', '-t', String(maxSeconds + 1)],
    ...['-af', pcmFilter(maxSeconds + 1), ...PCM_OUT, `file:${out}`],
  ];
}

/**
 * Decodes a sound, once for all mixes that use it.
 * Throws PermanentError: no_sound, clip_too_long, media_unreadable.
 */
export async function decodeSound(
  ffmpeg: Ffmpeg,
  { signal, ...source }: SoundSource & { signal: AbortSignal },
): Promise<{ samples: number }> {
  try {
    const fileMb = pcmMb(source.maxSeconds + 1);
    const limits = { timeoutMs: TIMEOUT_MS, memoryMb: SOUND_MEMORY_MB, fileMb };
    const files = { reads: [source.file], writes: dirname(source.out) };
    await ffmpeg.run(decodeArguments(source), { signal, ...limits, ...files });
  } catch (error) {
    if (/does not contain any stream|matches no streams/.test(String(error))) throw noSound();
    throw permanentFrom(error, 'media_unreadable', 'measure', {
      expected: 'sound that can be decoded',
      next: 'Export it again as MP3, M4A or WAV.',
    });
  }
  const samples = await samplesIn(source.out);
  if (samples === 0) throw noSound();
  if (samples > source.maxSeconds * SAMPLE_RATE) {
    throw new PermanentError(
      'clip_too_long',
      'measure',
      `Expected at most ${source.maxSeconds} s of sound, got more. Cut it, or raise MAX_CLIP_SECONDS.`,
    );
  }
  return { samples };
}

async function samplesIn(pcmFile: string): Promise<number> {
  return Math.floor((await stat(pcmFile)).size / BYTES_PER_SAMPLE);
}

function noSound(): PermanentError {
  return new PermanentError(
    'no_sound',
    'measure',
    'Expected a file with sound, got one without. Send a file with an audio stream.',
  );
}

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
  const samples = await samplesIn(pcmFile);
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
  /** Highest peak between the samples, dBTP; null for digital silence. */
  truePeak: number | null;
}

/** Reads the summary that ebur128=peak=true prints at the end. */
export function readMeter(stderr: string): SoundLevels {
  const peak = lastNumber(stderr, /^ +Peak: +(\S+) dBFS/gm);
  return { loudness: readLoudness(stderr), truePeak: Number.isFinite(peak) ? peak : null };
}

/** True peak of a finished video's sound after decoding. */
export async function measureTruePeak(
  ffmpeg: Ffmpeg,
  videoFile: string,
  options: { signal: AbortSignal; timeoutMs: number },
): Promise<SoundLevels['truePeak']> {
  const args = truePeakArguments(videoFile);
  const { stderr } = await ffmpeg.run(args, { ...MEASURING, ...options, reads: [videoFile] });
  return readMeter(stderr).truePeak;
}

export function truePeakArguments(videoFile: string): string[] {
  return [
    ...['-v', 'info', '-nostats', ...allowing({ demuxers: ['mov'], decoders: ['h264', 'aac'] })],
    ...['-vn', '-i', `file:${videoFile}`],
    ...['-af', 'ebur128=peak=true:framelog=verbose', '-f', 'null', '-'],
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
