/**
 * Encodes a clip once, so that it can be joined to any other clip of its profile by copying: closed GOPs, no B-frames,
 * one time base, exact constant rate, and the same stream header for the whole profile.
 */
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical-json.ts';
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond, rateText, samplesOf } from '../model/frame-rate.ts';
import type { Probe, Profile } from '../model/pins.ts';
import { DEFAULT_STILL_SECONDS } from '../model/plan.ts';
import { secondsAhead, videoGraph } from './conform-graph.ts';
import {
  type ConformSize,
  conformFileMb,
  conformMemoryMb,
  conformTimeoutMs,
  framesFor,
  framesHeld,
  refuseLarge,
  wholeFramesHeld,
} from './conform-limits.ts';
import { cutSound } from './cut-sound.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { encoderArguments, failedInHardware, HARDWARE } from './hardware-encoders.ts';
import { readPicture } from './mp4/tracks.ts';
import { noVideo } from './no-video.ts';
import { type OwnSoundWish, ownSound } from './own-sound.ts';
import { h264Level, timescale } from './profile.ts';
import { halvings } from './scale-graph.ts';
import { partOf, seekTo, skippedSeconds, trimIdentity, trimWarnings } from './trim.ts';
import { undecodedOf } from './undecoded.ts';
import { LARGE_PHOTO, photoInput, untrustedInput } from './untrusted.ts';

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

export interface ConformInput extends ConformSize, OwnSoundWish {
  /** Absolute path of the source. */
  file: string;
  /** Existing folder for video.mp4 and sound.s16le. */
  dir: string;
  threads: number;
}

/** Of any file: one without a picture is refused. */
export interface ConformRequest extends Omit<ConformInput, 'probe'> {
  probe: Probe;
  signal: AbortSignal;
  /** The longest that sound and picture together may take; a small clip has less. */
  timeoutMs: number;
}

export interface Conformed {
  frames: number;
  /** Samples per channel at 48 kHz: as long as the frames, to within half a sample. */
  samples: number;
  /** Remarks for whoever gets a video with the clip. */
  warnings: string[];
}

/**
 * Everything that a conformed clip depends on besides its source and the ffmpeg build. Part of the artifact's key. With and
 * without its own sound, a clip is two artifacts: its last picture may be held, and its remarks differ. A clip that has
 * no sound is one.
 */
export function conformIdentity(
  profile: Profile,
  input: Pick<ConformRequest, 'probe' | 'own' | 'stillSeconds' | 'maxSeconds' | 'trim'>,
): string[] {
  const { probe, own = true, stillSeconds = DEFAULT_STILL_SECONDS, maxSeconds, trim } = input;
  const { width, height, rate, fit, background } = profile;
  const shown = probe.video?.still ? `still for ${stillSeconds}` : 'film';
  const sound = probe.audio === null ? 'no sound' : own ? `own sound up to ${maxSeconds}` : 'sound off';
  // Only contain leaves bars.
  const bars = fit === 'contain' ? background : 'none';
  const picture = [`${width}x${height}`, rateText(rate), fit, bars, shown];
  // All of the probe, so that nothing is forgotten: builds and newer versions find out other things about the same bytes.
  return [...picture, sound, ...trimIdentity(trim), canonicalJson(probe), ...encoder(profile, ENCODING)];
}

/**
 * Arguments of the run that makes the picture. `frames`: how many are wanted if the last one is held under longer sound.
 */
export function conformArguments(
  input: ConformInput,
  encoding: Encoding = ENCODING,
  frames: number = framesFor(input),
): string[] {
  const { file, probe, profile, dir, threads, maxSeconds, trim } = input;
  const { video } = probe;
  const { rate } = profile;
  const fps = framesPerSecond(rate);
  const part = partOf(trim, rate);
  const { first } = part;
  const skipped = skippedSeconds(video, 'picture', first / fps + secondsAhead(video, rate));
  const held = frames - framesFor(input);
  const beside = video.later === null ? probe.audio : null;
  const longest = Math.ceil(maxSeconds * fps);
  const mostFrames = video.still || held > 0 ? frames : Math.min(part.frames, longest);
  // Of the part, with all that is decoded before it and may be beside it.
  const readSeconds = trim === undefined ? maxSeconds : Math.ceil((first + frames) / fps) + 1 - skipped;
  // The picture may be a frame or two shorter than its packets say.
  const repeats = held > 0 ? held + mostShort(frames) : 0;
  const hardware = profile.encoder && HARDWARE[profile.encoder];
  const upload = hardware?.upload ?? [];
  const graph = videoGraph(video, {
    ...{ profiles: [profile], frames: mostFrames, held: repeats, first, skipped, upload },
  });
  return [
    // At the end, verbose says how many frames were decoded.
    ...['-v', 'verbose', '-nostats', '-y', ...(hardware?.device ?? [])],
    ...(video.alphaDecoder ? ['-c:v', video.alphaDecoder] : []),
    // A photo may have a second picture (a depth or HDR gain map), which must not replace the first.
    ...(video.still ? ['-reinit_filter', '0', ...photoInput(file, halvings(video, profile))] : []),
    ...(video.still ? [] : ['-threads', String(threads), ...seekTo(skipped), ...untrustedInput(file)]),
    ...['-filter_threads', '1', '-filter_complex_threads', '1'],
    ...['-filter_complex', graph, '-map', '[v]'],
    ...encoder(profile, lighter(video, encoding)),
    ...['-threads:v', String(threads), '-frames:v', String(mostFrames)],
    ...['-an', '-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
    ...['-movflags', '+faststart', '-f', 'mp4', `file:${join(dir, 'video.mp4')}`],
    // Read, but not decoded: newer builds count the time from the earliest stream that they read.
    ...(beside === null ? [] : ['-map', `0:${beside.stream}`, '-c', 'copy']),
    ...(beside === null ? [] : ['-t', String(readSeconds), '-f', 'null', '-']),
  ];
}

/**
 * Makes dir/video.mp4 and dir/sound.s16le (48 kHz stereo; digital silence if the clip has no sound, or none that is
 * wanted or can be decoded).
 * Throws PermanentError: no_video, clip_too_long, clip_too_large, conform_failed (SoundExceeded if only its sound failed).
 */
export async function conformClip(
  ffmpeg: Ffmpeg,
  { signal, timeoutMs, ...request }: ConformRequest,
): Promise<Conformed> {
  const { profile, probe } = request;
  const { video } = probe;
  if (video === null) throw await noVideo(ffmpeg, request.file, signal);
  const input: ConformInput = { ...request, probe: { ...probe, video } };
  refuseLarge(input);
  const started = performance.now();
  const out = join(input.dir, 'sound.s16le');
  const { seconds, warnings } = await ownSound(ffmpeg, { ...input, out }, { signal, timeoutMs });
  const frames = framesHeld(input, seconds);
  const args = conformArguments(input, ENCODING, frames);
  const ownMs = Math.min(conformTimeoutMs(input, frames), timeoutMs - (performance.now() - started));
  const limits = { timeoutMs: ownMs, memoryMb: conformMemoryMb(input.threads), fileMb: conformFileMb(input) };
  const stderr = await ffmpeg.run(args, { signal, ...limits, reads: [input.file], writes: input.dir }).then(
    (run) => run.stderr,
    (error: unknown) => {
      // x264 in its place would give this clip another header than those before it.
      if (profile.encoder !== undefined) throw failedInHardware(error, profile.encoder);
      throw permanentFrom(error, 'conform_failed', 'conform', {
        expected: 'a clip that can be encoded',
        next: 'Export it again as MP4 (H.264, AAC).',
      });
    },
  );
  const made = await countFrames(join(input.dir, 'video.mp4'), profile);
  // How long a second recording is, is only estimated.
  if (!video.restarts) refuseShort(made, frames);
  const undecoded = undecodedOf(video, stderr, input.trim && frames / framesPerSecond(profile.rate));
  if (undecoded !== null) throw failed(`a clip whose frames can be decoded, got ${undecoded}`);
  const samples = samplesOf(made, profile.rate);
  await cutSound(out, samples);
  const length = wholeFramesHeld(input, seconds) / framesPerSecond(profile.rate);
  return { frames: made, samples, warnings: [...warnings, ...trimWarnings(input.trim, length)] };
}

/** Without looking ahead, the encoder takes 100 MB less and more bytes. Of a picture that stands, it sees no less. */
function lighter({ still, pixels }: NonNullable<Probe['video']>, encoding: Encoding): Encoding {
  if (!still || pixels < LARGE_PHOTO) return encoding;
  return { ...encoding, x264: [...(encoding.x264 ?? []), 'rc-lookahead=0'] };
}

/** Keeps everything about the source and our settings out of the stream's header. Joins break if any option is missing. */
function encoder(profile: Profile, { preset, crf, tune, x264: more = [] }: Encoding): string[] {
  if (profile.encoder !== undefined) return encoderArguments(profile, HARDWARE[profile.encoder]);
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

async function countFrames(file: string, { rate }: Profile): Promise<number> {
  try {
    return (await readPicture(file, rate)).sizes.length;
  } catch (cause) {
    throw failed(`an encoded clip, got none (${cause instanceof Error ? cause.message : cause})`, cause);
  }
}

function mostShort(frames: number): number {
  return Math.max(FRAMES_SHORT, Math.floor(frames * SHARE_SHORT));
}

/** Counts the frames, because ffmpeg reports success for a damaged file and encodes what there is. */
function refuseShort(frames: number, expected: number): void {
  if (expected - frames <= mostShort(expected)) return;
  throw failed(`${expected} frames, got ${frames}`);
}

function failed(expected: string, cause?: unknown): PermanentError {
  const next = 'Export the clip again as MP4 (H.264, AAC).';
  return new PermanentError('conform_failed', 'conform', `Expected ${expected}. ${next}`, { cause });
}
