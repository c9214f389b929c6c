/** Decodes any sound to raw stereo at 48 kHz: tracks, spoken lines, and the clips' own sound. */
import { stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { downmix } from './downmix.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { type Leaps, leapless } from './leaps.ts';
import type { RunLimits } from './limits.ts';
import { PieceReader, putInPlace } from './pieces.ts';
import { BYTES_PER_SAMPLE, pcmMb } from './sound.ts';
import { untrustedInput } from './untrusted.ts';

/** Enough for two hours of sound on a slow, busy machine. */
export const SOUND_TIMEOUT_MS = 300_000;
/** The oddest files took 150 MB. */
export const SOUND_MEMORY_MB = 512;

const NO_LEAPS: Leaps = { leaps: [], restarts: false };

export interface SoundInput {
  /** Absolute path of a file with an audio stream. */
  file: string;
  /** Index of the stream within the file; the first audio stream if absent. */
  stream?: number;
  /** As ffmpeg names it; if absent, one that it brings to stereo by itself. */
  layout?: string;
  /** Index of a picture whose timestamps the sound keeps. Newer builds count from the earliest stream that they read. */
  beside?: number;
  /** Of the picture's timestamps. Those of the sound leap together with them. */
  leaps?: Leaps;
  /** Seconds by which the sound is moved to an earlier time. What would start before 0 is cut off. */
  ahead?: number;
  /** Whether its timestamps say when it is heard; true if absent. Otherwise all of it is heard in order. */
  timed?: boolean;
  /** What comes later is not decoded. */
  maxSeconds: number;
  /** Path of the raw sound to make: 16-bit stereo at 48 kHz. */
  out: string;
}

/**
 * Gaps become silence, as the timestamps say. What starts after `maxSeconds` is dropped first, because the silence before
 * it would be made in memory all at once.
 */
export function decodeArguments(input: SoundInput): string[] {
  const {
    file,
    stream,
    layout = '',
    beside,
    leaps = NO_LEAPS,
    ahead = 0,
    timed = true,
    maxSeconds,
    out,
  } = input;
  const from = `[0:${stream ?? 'a:0'}]`;
  const to48 = `${downmix(layout)}aresample=${SAMPLE_RATE}:ochl=stereo:osf=s16`;
  const closed = leapless('asetpts', leaps, 'NB_SAMPLES/SR').map((filter) => `${filter},`);
  const moved = ahead === 0 ? '' : `asetpts=PTS-${ahead.toFixed(6)}/TB,`;
  const graph = timed
    ? `${from}${closed.join('')}${moved}atrim=end=${maxSeconds},${to48}:async=1:min_hard_comp=0.02,asplit[sound][list]`
    : `${from}${to48}[sound]`;
  const raw = ['-ac', '2', '-c:a', 'pcm_s16le'];
  // Without timestamps to go by, the size of the file ends the run.
  const size = timed ? [] : ['-fs', String(maxSeconds * SAMPLE_RATE * BYTES_PER_SAMPLE)];
  return [
    // At the end, verbose says how much was decoded.
    ...['-v', 'verbose', '-nostats', '-y', ...untrustedInput(file)],
    ...['-filter_complex_threads', '1', '-filter_complex', graph],
    ...['-map', '[sound]', ...raw, ...size, '-f', 's16le', `file:${out}`],
    ...(beside === undefined ? [] : ['-map', `0:${beside}`, '-c', 'copy', '-t', String(maxSeconds)]),
    ...(beside === undefined ? [] : ['-f', 'null', '-']),
    ...(timed ? ['-map', '[list]', ...raw, '-f', 'framecrc', '-'] : []),
  ];
}

/** How a run at log level verbose ends. */
const DECODED = /\(audio\): (\d+) packets read [^;\n]*; (\d+) frames decoded/g;

export interface DecodedSound {
  /** Per channel, from the start of the file on. */
  samples: number;
  /** Packets that were read, and frames that they became; 0 if ffmpeg did not say. */
  packets: number;
  frames: number;
}

/** Throws FfmpegError if the sound cannot be decoded, and whatever else Ffmpeg.run throws. */
export async function decode(
  ffmpeg: Ffmpeg,
  input: SoundInput,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<DecodedSound> {
  const reader = new PieceReader();
  const limits: RunLimits = { timeoutMs, memoryMb: SOUND_MEMORY_MB, fileMb: pcmMb(input.maxSeconds) };
  const { stderr } = await ffmpeg.run(decodeArguments(input), {
    ...{ signal, ...limits, reads: [input.file], writes: dirname(input.out) },
    onLine: (line) => reader.add(line),
  });
  const [, packets = 0, frames = 0] = [...stderr.matchAll(DECODED)].at(-1)?.map(Number) ?? [];
  const most = Math.round(input.maxSeconds * SAMPLE_RATE);
  if (input.timed !== false) {
    return { samples: await putInPlace(input.out, reader.pieces(), most), packets, frames };
  }
  // The last packet may reach beyond the size that ends the run.
  const samples = Math.min(Math.floor((await stat(input.out)).size / BYTES_PER_SAMPLE), most);
  await truncate(input.out, samples * BYTES_PER_SAMPLE);
  return { samples, packets, frames };
}
