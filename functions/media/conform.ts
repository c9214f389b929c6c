/**
 * Encodes a clip once, so that it can be joined to any other clip of its profile by copying: closed GOPs, no B-frames,
 * one time base, exact constant rate, and the same stream header for the whole profile.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond, rateText, samplesOf } from '../model/frame-rate.ts';
import type { Probe, Profile } from '../model/pins.ts';
import { DEFAULT_STILL_SECONDS } from '../model/plan.ts';
import { LEAPLESS_SOUND, secondsAhead, videoGraph } from './conform-graph.ts';
import {
  acceptedVideo,
  type ConformSize,
  conformFileMb,
  conformMemoryMb,
  conformTimeoutMs,
  framesFor,
} from './conform-limits.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { readVideoTrack, type VideoTrack } from './mp4-boxes.ts';
import { h264Level, timescale } from './profile.ts';
import { BYTES_PER_SAMPLE, PCM_OUT, pcmFilter } from './sound.ts';
import { untrustedInput } from './untrusted.ts';

/** The encoder settings that decide size, quality and time. `npm run bench -- encoder` measures others. */
export interface Encoding {
  preset: string;
  crf: number;
  tune?: string;
  /** More options of x264, which override ours. */
  x264?: readonly string[];
}

/** Two thirds of the bytes of superfast for a quarter more time. The next slower preset takes a fifth or third longer. */
export const ENCODING: Encoding = { preset: 'veryfast', crf: 20 };
/** Lengths may differ by a frame before and after encoding (29.97 fps in milliseconds, an odd last frame). */
const FRAMES_SHORT = 2;
const SHARE_SHORT = 0.02;
/** How a run at log level verbose ends. Older builds do not count the errors. */
const DECODED =
  /Input stream #0:(\d+) \(video\): (\d+) packets read [^;\n]*; (\d+) frames decoded(?:; (\d+) decode errors)?/g;
/** Pictures that are never shown, and those after the last one that is needed, are not decoded. */
const LEAST_DECODED = 0.75;
/** A packet may hold half a frame. */
const LEAST_DECODED_FIELDS = 0.45;

export interface ConformInput extends ConformSize {
  /** Absolute path of the source. */
  file: string;
  /** Existing folder for video.mp4 and sound.s16le. */
  dir: string;
  threads: number;
}

export interface Conformed {
  frames: number;
  /** Samples per channel at 48 kHz: as long as the frames, to within half a sample. */
  samples: number;
  /** SHA-256 of the decoder configuration, which is the same for all clips of one profile. */
  avcC: string;
}

/** Everything that a conformed clip depends on besides its source and the ffmpeg build. Part of the artifact's key. */
export function conformIdentity(
  profile: Profile,
  { probe, stillSeconds = DEFAULT_STILL_SECONDS }: Pick<ConformInput, 'probe' | 'stillSeconds'>,
): string[] {
  const { width, height, rate, fit, background } = profile;
  const { video, audio } = probe;
  const shown = video?.still ? `still for ${stillSeconds}` : 'film';
  const times = [video?.start, video?.steady, video?.held, video?.leaps];
  const probed = [video?.stream, ...times, video?.alpha, audio?.stream].map(String);
  // Only contain leaves bars.
  const bars = fit === 'contain' ? background : 'none';
  return [`${width}x${height}`, rateText(rate), fit, bars, shown, ...probed, ...encoder(profile, ENCODING)];
}

/**
 * Arguments of the single run that makes both files.
 * Throws PermanentError 'no_video', 'clip_too_long' or 'clip_too_large'.
 */
export function conformArguments(input: ConformInput, encoding: Encoding = ENCODING): string[] {
  const { file, probe, profile, dir, threads, maxSeconds } = input;
  const video = acceptedVideo(input);
  const mostFrames = video.still ? framesFor(input) : Math.ceil(maxSeconds * framesPerSecond(profile.rate));
  const sound = join(dir, 'sound.s16le');
  return [
    // At the end, verbose says how many frames were decoded.
    ...['-v', 'verbose', '-nostats', '-y'],
    ...(video.alphaDecoder ? ['-c:v', video.alphaDecoder] : []),
    // A photo may have a second picture (a depth or HDR gain map), which must not replace the first.
    ...(video.still ? ['-reinit_filter', '0'] : []),
    ...['-threads', String(threads), ...untrustedInput(file)],
    ...['-filter_threads', '1', '-filter_complex_threads', '1'],
    ...['-filter_complex', videoGraph(video, profile, mostFrames), '-map', '[v]'],
    ...[...encoder(profile, encoding), '-threads:v', String(threads), '-frames:v', String(mostFrames)],
    ...['-an', '-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
    ...['-movflags', '+faststart', '-f', 'mp4', `file:${join(dir, 'video.mp4')}`],
    // The sound has its own graph, so that it continues if the picture's graph is rebuilt half-way.
    ...(probe.audio === null ? [] : ['-map', `0:${probe.audio.stream}`, '-vn', '-t', String(maxSeconds)]),
    ...(probe.audio === null ? [] : ['-af', soundFilter(input, video), ...PCM_OUT, `file:${sound}`]),
  ];
}

function soundFilter({ profile, maxSeconds }: ConformInput, video: NonNullable<Probe['video']>): string {
  const filter = pcmFilter(maxSeconds, secondsAhead(video, profile.rate));
  return video.leaps ? `${LEAPLESS_SOUND},${filter}` : filter;
}

/**
 * Makes dir/video.mp4 and dir/sound.s16le (48 kHz stereo; digital silence if the clip has no sound). `timeoutMs` is the
 * longest that it may take; a small clip has less.
 * Throws PermanentError: no_video, clip_too_long, clip_too_large, conform_failed.
 */
export async function conformClip(
  ffmpeg: Ffmpeg,
  { signal, timeoutMs, ...input }: ConformInput & { signal: AbortSignal; timeoutMs: number },
): Promise<Conformed> {
  const args = conformArguments(input);
  const ownMs = Math.min(conformTimeoutMs(input), timeoutMs);
  const limits = { timeoutMs: ownMs, memoryMb: conformMemoryMb(input.threads), fileMb: conformFileMb(input) };
  const stderr = await ffmpeg.run(args, { signal, ...limits, reads: [input.file], writes: input.dir }).then(
    (run) => run.stderr,
    (error: unknown) => {
      throw permanentFrom(error, 'conform_failed', 'conform', {
        expected: 'a clip that can be encoded',
        next: 'Export it again as MP4 (H.264, AAC).',
      });
    },
  );
  const { rate } = input.profile;
  const track = await trackOf(join(input.dir, 'video.mp4'), input.profile);
  refuseShort(track.frames, framesFor(input));
  refuseUndecoded(input, stderr);
  const samples = samplesOf(track.frames, rate);
  await cutTo(join(input.dir, 'sound.s16le'), samples);
  return { frames: track.frames, samples, avcC: track.avcC };
}

/** Keeps everything about the source and our settings out of the stream's header. Joins break if any option is missing. */
function encoder(profile: Profile, { preset, crf, tune, x264: more = [] }: Encoding): string[] {
  const { rate } = profile;
  const level = h264Level(profile);
  const second = Math.round(framesPerSecond(rate));
  const ticks = String(timescale(rate));
  const x264 = [
    // Keeps the CRF out of the PPS.
    'stitchable=1',
    'open-gop=0:b-pyramid=none:rc-lookahead=10:force-cfr=1',
    // chromaloc would otherwise be taken from a JPEG-range source.
    'sar=1/1:fullrange=off:colorprim=bt709:transfer=bt709:colormatrix=bt709:chromaloc=0',
    `vbv-maxrate=${level.maxrate}:vbv-bufsize=${level.maxrate * 1.25}`,
    ...more,
  ];
  return [
    ...['-c:v', 'libx264', '-preset', preset, ...(tune === undefined ? [] : ['-tune', tune])],
    ...['-crf', String(crf), '-profile:v', 'high'],
    ...['-level:v', level.name, '-pix_fmt', 'yuv420p'],
    // Without B-frames a clip may be one frame long, needs no edit list, and can be cut at any frame when joined.
    ...['-bf', '0', '-refs', '3', '-flags:v', '+cgop'],
    ...['-g', String(2 * second), '-keyint_min', String(second)],
    // In addition to the fps filter: fills a late start, and the gap that a change of size leaves.
    ...['-fps_mode', 'cfr', '-enc_time_base:v', `${rate.den}/${rate.num}`],
    ...['-color_primaries', 'bt709', '-color_trc', 'bt709', '-colorspace', 'bt709', '-color_range', 'tv'],
    ...['-x264-params', x264.join(':'), '-video_track_timescale', ticks, '-movie_timescale', ticks],
  ];
}

async function trackOf(file: string, { rate }: Profile): Promise<VideoTrack> {
  const track = await readVideoTrack(file).catch((cause: unknown) => {
    throw failed(`an encoded clip, got none (${cause instanceof Error ? cause.message : cause})`, cause);
  });
  const ticks = (timescale(rate) * rate.den) / rate.num;
  if (track.timescale === timescale(rate) && track.frameTicks === ticks) return track;
  throw failed(`frames of ${ticks}/${timescale(rate)} s, got ${track.frameTicks}/${track.timescale}`);
}

/** Counts the frames, because ffmpeg reports success for a damaged file and encodes what there is. */
function refuseShort(frames: number, expected: number): void {
  if (expected - frames <= Math.max(FRAMES_SHORT, expected * SHARE_SHORT)) return;
  throw failed(`${expected} frames, got ${frames}`);
}

/** What could not be decoded is filled with copies of what could, and ffmpeg reports success. */
function refuseUndecoded({ probe: { video } }: ConformInput, stderr: string): void {
  const own = [...stderr.matchAll(DECODED)].findLast(([, stream]) => Number(stream) === video?.stream);
  if (video === null || video.still || own === undefined) return;
  const [read = 0, decoded = 0, errors] = own.slice(2).map((digits) => digits && Number(digits));
  // Some frames are meant to repeat the one before. That is no error.
  const failures = errors ?? (stderr.includes(`Error while decoding stream #0:${video.stream}`) ? 1 : 0);
  const expected = Math.min(Number(read), video.packets);
  const least = video.interlaced ? LEAST_DECODED_FIELDS : LEAST_DECODED;
  if (Number(failures) === 0 || Number(decoded) >= expected * least) return;
  throw failed(`a clip whose frames can be decoded, got ${decoded} of ${expected}`);
}

function failed(expected: string, cause?: unknown): PermanentError {
  const next = 'Export the clip again as MP4 (H.264, AAC).';
  return new PermanentError('conform_failed', 'conform', `Expected ${expected}. ${next}`, { cause });
}

/** Cuts raw sound to the length, or pads it with silence. Creates the file if there was no sound. */
async function cutTo(file: string, samples: number): Promise<void> {
  await using handle = await open(file, 'a');
  await handle.truncate(samples * BYTES_PER_SAMPLE);
}
