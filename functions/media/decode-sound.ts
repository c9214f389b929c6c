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
import { afterSeek, seekTo } from './trim.ts';
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
  /** How many samples of its beginning are left out, at 48 kHz, counted after it was moved; 0 if absent. */
  from?: number;
  /** See skippedSeconds; 0 if absent. Only of sound with timestamps. */
  skipped?: number;
  /** What comes later, counted from there, is not decoded. */
  maxSeconds: number;
  /** Takes the time of the first sample of each stretch of one rate, and counts samples from there on. */
  stretches?: boolean;
  /** Followed by silence, because the resampler gives nothing for a few samples. */
  padded?: boolean;
  /** Path of the raw sound to make: 16-bit stereo at 48 kHz. */
  out: string;
}

/**
 * The graph is built anew for each rate, and counts anew. Times that are wrong run ahead by up to half a second; what jumps
 * further is a gap, and all that follows is later by it.
 */
const STRETCHES =
  "asetpts='st(1,STARTPTS+NB_CONSUMED_SAMPLES/SR/TB);" +
  "st(0,if(gt(PTS-ld(1)-ld(0),1/TB),PTS-ld(1),ld(0)));ld(1)+ld(0)',";
/** The most samples for which the resampler gives nothing. */
const MOST_SWALLOWED = 64;

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
    stretches = false,
    padded = false,
    from = 0,
    skipped = 0,
    maxSeconds,
    out,
  } = input;
  const source = `[0:${stream ?? 'a:0'}]`;
  const to48 = `${downmix(layout)}aresample=${SAMPLE_RATE}:ochl=stereo:osf=s16`;
  const closed = leapless('asetpts', leaps, 'NB_SAMPLES/SR').map((filter) => `${filter},`);
  const place = `PTS-${ahead.toFixed(6)}/TB`;
  // asetpts truncates, so a part would be off by a sample.
  const moved = ahead === 0 ? '' : `asetpts=${from === 0 ? place : `'round(${place})'`},`;
  const back = afterSeek('asetpts', skipped).map((filter) => `${filter},`);
  const end = from === 0 ? maxSeconds : Number((from / SAMPLE_RATE + maxSeconds).toFixed(6));
  // After the resampler, which corrects small drifts as it goes on: so it does the same as for the whole.
  const cut = from === 0 ? '' : `,atrim=start_${timed ? 'pts' : 'sample'}=${from}`;
  const graph = timed
    ? `${source}${back.join('')}${closed.join('')}${stretches ? STRETCHES : ''}${moved}atrim=end=${end},${to48}:async=1:min_hard_comp=0.02${cut},asplit[sound][list]`
    : `${source}${padded ? 'apad=pad_dur=0.1,' : ''}${to48}${cut}[sound]`;
  const raw = ['-ac', '2', '-c:a', 'pcm_s16le'];
  // Without timestamps to go by, the size of the file ends the run.
  const size = timed ? [] : ['-fs', String(Math.round(maxSeconds * SAMPLE_RATE) * BYTES_PER_SAMPLE)];
  return [
    // At the end, verbose says how much was decoded.
    ...['-v', 'verbose', '-nostats', '-y', ...seekTo(skipped), ...untrustedInput(file)],
    ...['-filter_complex_threads', '1', '-filter_complex', graph],
    ...['-map', '[sound]', ...raw, ...size, '-f', 's16le', `file:${out}`],
    ...(beside === undefined ? [] : ['-map', `0:${beside}`, '-c', 'copy', '-t', String(end - skipped)]),
    ...(beside === undefined ? [] : ['-f', 'null', '-']),
    ...(timed ? ['-map', '[list]', ...raw, '-f', 'framecrc', '-'] : []),
  ];
}

/** How a run at log level verbose ends. */
const DECODED = /\(audio\): (\d+) packets read [^;\n]*; (\d+) frames decoded[^(\n]*\((\d+) samples\)/g;

export interface DecodedSound {
  /** Per channel, from the start of the file on. */
  samples: number;
  /** Packets that were read, and frames that they became; 0 if ffmpeg did not say. */
  packets: number;
  frames: number;
}

/** What the resampler prints whenever it is built anew. */
const RESAMPLER = /^\[Parsed_aresample_\d+ @ 0x[0-9a-f]+\] ch:.* r:(\d+)Hz -> /gm;

interface OneRun extends DecodedSound {
  /** When the first sample is heard, in samples; negative if before the start. */
  first: number;
  /** Samples per second that the sound has, without repeats. */
  rates: readonly number[];
  /** Per channel, at the sound's own rate. */
  decoded: number;
}

/** Throws FfmpegError if the sound cannot be decoded, and whatever else Ffmpeg.run throws. */
export async function decode(
  ffmpeg: Ffmpeg,
  input: SoundInput,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<DecodedSound> {
  const started = performance.now();
  const again = (change: Partial<SoundInput>) => {
    const left = timeoutMs - (performance.now() - started);
    return decodeOnce(ffmpeg, { ...input, ...change }, { signal, timeoutMs: left });
  };
  const { first, rates, decoded, ...found } = await decodeOnce(ffmpeg, input, { signal, timeoutMs });
  if (rates.length > 1 && input.timed !== false) {
    // In MPEG streams and Ogg, times follow from the rate at the beginning, and are wrong where another rate follows.
    if (input.beside !== undefined || (input.from ?? 0) > 0)
      return { ...found, samples: (await again({ stretches: true })).samples };
    const { samples } = await again({ timed: false });
    const most = Math.round(input.maxSeconds * SAMPLE_RATE);
    return { ...found, samples: await putInPlace(input.out, [{ at: first, samples }], most) };
  }
  const [rate] = rates;
  // Otherwise it is silent because it begins too late.
  const isSwallowed = found.samples === 0 && decoded > 0 && decoded <= MOST_SWALLOWED && first === 0;
  if (!isSwallowed || rate === undefined) return found;
  const { samples: padded } = await again({ timed: false, padded: true });
  const samples = Math.min(Math.max(1, Math.round((decoded * SAMPLE_RATE) / rate)), padded);
  await truncate(input.out, samples * BYTES_PER_SAMPLE);
  return { ...found, samples };
}

async function decodeOnce(
  ffmpeg: Ffmpeg,
  input: SoundInput,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<OneRun> {
  const reader = new PieceReader();
  const limits: RunLimits = {
    timeoutMs,
    memoryMb: SOUND_MEMORY_MB,
    fileMb: pcmMb(input.maxSeconds),
  };
  const { stderr } = await ffmpeg.run(decodeArguments(input), {
    ...{ signal, ...limits, reads: [input.file], writes: dirname(input.out) },
    onLine: (line) => reader.add(line),
  });
  const last = [...stderr.matchAll(DECODED)].at(-1)?.slice(1).map(Number) ?? [];
  const [packets = 0, frames = 0, decoded = 0] = last;
  const rates = [...new Set([...stderr.matchAll(RESAMPLER)].map(([, rate]) => Number(rate)))];
  const most = Math.round(input.maxSeconds * SAMPLE_RATE);
  const { from = 0 } = input;
  const run = { packets, frames, decoded, rates };
  if (input.timed !== false) {
    const pieces = reader.pieces().map(({ at, samples }) => ({ at: at - from, samples }));
    return { ...run, first: pieces[0]?.at ?? 0, samples: await putInPlace(input.out, pieces, most) };
  }
  // The last packet may reach beyond the size that ends the run.
  const samples = Math.min(Math.floor((await stat(input.out)).size / BYTES_PER_SAMPLE), most);
  await truncate(input.out, samples * BYTES_PER_SAMPLE);
  return { ...run, first: 0, samples };
}
