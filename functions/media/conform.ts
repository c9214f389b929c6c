/**
 * Encodes a clip once, so that it can be joined to any other clip of its profile by copying: closed GOPs, no B-frames,
 * one time base, exact constant rate, and the same stream header for the whole profile.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond, samplesOf } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import type { Probe } from '../model/probe.ts';
import { captionsPath, refuseWithoutFilter, writeCaptions } from './captions/burn.ts';
import { picturesOf, secondsAhead, videoGraph } from './conform-graph.ts';
import {
  type ConformSize,
  conformLimits,
  framesFor,
  framesHeld,
  profilesOf,
  refuseLarge,
  wholeFramesHeld,
} from './conform-limits.ts';
import { cutSound } from './cut-sound.ts';
import { ENCODING, type Encoding, encoderOf, lighter } from './encoding.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { permanentFrom } from './ffmpeg-error.ts';
import { failedInHardware, HARDWARE } from './hardware-encoders.ts';
import { readPicture } from './mp4/tracks.ts';
import { noVideo } from './no-video.ts';
import { type OwnSoundWish, ownSound } from './own-sound.ts';
import { halvings } from './scale-graph.ts';
import { partOf, seekTo, skippedSeconds, trimWarnings } from './trim.ts';
import { undecodedOf } from './undecoded.ts';
import { photoInput, untrustedInput } from './untrusted.ts';

/** Lengths may differ by a frame before and after encoding (29.97 fps in milliseconds, an odd last frame). */
const FRAMES_SHORT = 2;
const SHARE_SHORT = 0.02;

export interface ConformInput extends ConformSize, OwnSoundWish {
  /** Absolute path of the source. */
  file: string;
  /** Existing folder for video.mp4 and sound.s16le. */
  dir: string;
  threads: number;
  /** See ConformOutput. */
  captions?: string;
  /** More pictures of other profiles of the same rate, from the same decoded frames, each with the sound beside it. */
  others?: readonly ConformOutput[];
}

export interface ConformOutput {
  profile: Profile;
  /** As ConformInput.dir, in the folder `writes`. */
  dir: string;
  /** What captionFile made for the profile; absent: nothing is burned in. */
  captions?: string;
}

/** Of any file: one without a picture is refused. */
export interface ConformRequest extends Omit<ConformInput, 'probe'> {
  probe: Probe;
  signal: AbortSignal;
  /** The folder that has all others in it; `dir` if absent. */
  writes?: string;
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
 * Arguments of the run that makes the picture, or all pictures. `frames`: how many are wanted if the last one is held under
 * longer sound.
 */
export function conformArguments(
  input: ConformInput,
  encoding: Encoding = ENCODING,
  frames: number = framesFor(input),
): string[] {
  const { file, probe, profile, threads, maxSeconds, trim, exactly, overlays = [] } = input;
  const { video } = probe;
  const { rate } = profile;
  const fps = framesPerSecond(rate);
  const part = partOf(trim, rate);
  const { first } = part;
  const skipped = skippedSeconds(video, 'picture', first / fps + secondsAhead(video, rate));
  const held = frames - framesFor(input);
  const beside = video.later === null ? probe.audio : null;
  const longest = Math.ceil(maxSeconds * fps);
  const isCounted = held > 0 || exactly !== undefined;
  const mostFrames = video.still || isCounted ? frames : Math.min(part.frames, longest);
  // Of the part, with all that is decoded before it and may be beside it.
  const readSeconds = trim === undefined ? maxSeconds : Math.ceil((first + frames) / fps) + 1 - skipped;
  // The picture may be a frame or two shorter than its packets say.
  const repeats = isCounted ? Math.max(0, held) + mostShort(frames) : 0;
  const hardware = profile.encoder && HARDWARE[profile.encoder];
  const outputs = outputsOf(input);
  const profiles = profilesOf(input);
  const upload = hardware?.upload ?? [];
  const captions = outputs.map(captionsPath);
  const graph = videoGraph(video, {
    ...{ profiles, frames: mostFrames, held: repeats, first, skipped, overlays, captions, upload },
  });
  return [
    // At the end, verbose says how many frames were decoded.
    ...['-v', 'verbose', '-nostats', '-y', ...(hardware?.device ?? [])],
    ...(video.alphaDecoder ? ['-c:v', video.alphaDecoder] : []),
    // A photo may have a second picture (a depth or HDR gain map), which must not replace the first.
    ...(video.still ? ['-reinit_filter', '0', ...photoInput(file, halvings(video, profiles))] : []),
    ...(video.still ? [] : ['-threads', String(threads), ...seekTo(skipped), ...untrustedInput(file)]),
    ...['-filter_threads', '1', '-filter_complex_threads', '1'],
    ...['-filter_complex', graph],
    ...picturesOf(outputs.length).flatMap((picture, at) => {
      const { profile, dir } = outputs[at] as ConformOutput;
      return [
        ...['-map', picture, ...encoderOf(profile, lighter(video, encoding))],
        ...['-threads:v', String(threads), '-frames:v', String(mostFrames)],
        ...['-an', '-map_metadata', '-1', '-map_chapters', '-1', '-fflags', '+bitexact'],
        ...['-movflags', '+faststart', '-f', 'mp4', `file:${join(dir, 'video.mp4')}`],
      ];
    }),
    // Read, but not decoded: newer builds count the time from the earliest stream that they read.
    ...(beside === null ? [] : ['-map', `0:${beside.stream}`, '-c', 'copy']),
    ...(beside === null ? [] : ['-t', String(readSeconds), '-f', 'null', '-']),
  ];
}

/**
 * Makes dir/video.mp4 and dir/sound.s16le (48 kHz stereo; digital silence if the clip has no sound, or none that is
 * wanted or can be decoded), and the same in the folders of all others: decoded once, with equally many frames.
 * Throws PermanentError: no_video, clip_too_long, clip_too_large, conform_failed (SoundExceeded if only its sound failed).
 */
export async function conformClip(
  ffmpeg: Ffmpeg,
  { signal, timeoutMs, writes, ...request }: ConformRequest,
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
  await using written = await writeCaptions(outputsOf(input));
  const timeLeftMs = timeoutMs - (performance.now() - started);
  const limits = conformLimits(input, frames, timeLeftMs);
  const overlayFiles = (input.overlays ?? []).map(({ picture }) => picture.file);
  const reads = [input.file, ...overlayFiles, ...written.reads];
  const stderr = await ffmpeg.run(args, { signal, ...limits, reads, writes: writes ?? input.dir }).then(
    (run) => run.stderr,
    (error: unknown) => {
      refuseWithoutFilter(error);
      // x264 in its place would give this clip another header than those before it.
      if (profile.encoder !== undefined) throw failedInHardware(error, profile.encoder);
      throw permanentFrom(error, 'conform_failed', 'conform', {
        expected: 'a clip that can be encoded',
        next: 'Export it again as MP4 (H.264, AAC).',
      });
    },
  );
  const made = await countFrames(input);
  // How long a second recording is, is only estimated.
  if (!video.restarts) refuseShort(made, frames);
  const undecoded = undecodedOf(video, stderr, input.trim && frames / framesPerSecond(profile.rate));
  if (undecoded !== null) throw failed(`a clip whose frames can be decoded, got ${undecoded}`);
  const samples = samplesOf(made, profile.rate);
  await cutSound(out, samples);
  for (const other of input.others ?? []) await copyFile(out, join(other.dir, 'sound.s16le'));
  const length = wholeFramesHeld(input, seconds) / framesPerSecond(profile.rate);
  return { frames: made, samples, warnings: [...warnings, ...trimWarnings(input.trim, length)] };
}

/** Of each of its pictures, which have equally many. */
async function countFrames(input: ConformInput): Promise<number> {
  const counts = new Set<number>();
  for (const { profile, dir } of outputsOf(input)) {
    try {
      counts.add((await readPicture(join(dir, 'video.mp4'), profile.rate)).sizes.length);
    } catch (cause) {
      throw failed(`an encoded clip, got none (${cause instanceof Error ? cause.message : cause})`, cause);
    }
  }
  if (counts.size > 1) throw failed(`equally many frames in all formats, got ${[...counts].join(' and ')}`);
  return [...counts][0] as number;
}

function outputsOf({ profile, dir, captions, others = [] }: ConformInput): ConformOutput[] {
  return [{ profile, dir, ...(captions !== undefined && { captions }) }, ...others];
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
