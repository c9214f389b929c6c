/**
 * Which part of a clip or track is used. A part consists of frames and samples that the whole would have: its first frame
 * is the one that is shown at the start, and its sound begins with that frame, to the sample. Pure.
 */
import { PermanentError, type Stage } from '../base/errors.ts';
import { type FrameRate, framesPerSecond } from '../model/frame-rate.ts';
import type { Trim } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import { LEAST_FRAME_SECONDS } from '../model/trim.ts';

export interface Part {
  /** Its first frame within the whole clip, from 0 on. */
  first: number;
  /** How many are wanted; Infinity: all to the end. */
  frames: number;
}

const WHOLE: Part = { first: 0, frames: Number.POSITIVE_INFINITY };
/** Times are written with three decimals, and few frames begin at such a time. */
const ROUNDED_SECONDS = 0.001;
/** Containers with an index of key frames, so that seeking ends at one of them, and times stay what they are. */
const SEEKABLE = ['mov', 'matroska'];
/** Times in Matroska are milliseconds: after a seek, sound would be off by one. */
const SEEKABLE_SOUND = ['mov'];
/**
 * Decoding begins so long before the part. What a decoder shows right behind a key frame may lack what came before it: the
 * first frames of an open GOP, and sound that overlaps.
 */
const RUN_IN_SECONDS = 3;
/** Less is nobody's concern: an end is often rounded up. */
const LEAST_MISSING_SECONDS = 0.1;

/** On the frame grid of the output. */
export function partOf(trim: Trim | undefined, rate: FrameRate): Part {
  if (trim === undefined) return WHOLE;
  const fps = framesPerSecond(rate);
  const { startSeconds, endSeconds } = trim;
  return {
    first: startSeconds === 0 ? 0 : Math.floor((startSeconds + ROUNDED_SECONDS) * fps),
    frames:
      endSeconds === undefined
        ? Number.POSITIVE_INFINITY
        : Math.max(1, Math.round((endSeconds - startSeconds) * fps)),
  };
}

/** Part of an artifact's key; empty for a whole clip. */
export function trimIdentity(trim: Trim | undefined): string[] {
  return trim === undefined ? [] : [`from ${trim.startSeconds} to ${trim.endSeconds ?? 'the end'}`];
}

/**
 * Seconds of the file that are skipped without being decoded, a whole number; 0 for none.
 * @param at when the part begins in the file, seconds
 */
export function skippedSeconds(
  video: NonNullable<Probe['video']>,
  what: 'picture' | 'sound',
  at: number,
): number {
  const { stored, still, leaps, restarts, later } = video;
  const containers = what === 'picture' ? SEEKABLE : SEEKABLE_SOUND;
  // Where times leap, those that a seek goes by are others than those of the part.
  if (still || restarts || leaps.length > 0 || later !== null) return 0;
  if (stored === undefined || !containers.includes(stored.container)) return 0;
  return Math.max(0, Math.floor(at - RUN_IN_SECONDS));
}

/** ffmpeg's options before an input; what precedes the place is decoded from the key frame before it. */
export function seekTo(seconds: number): string[] {
  return seconds === 0 ? [] : ['-noaccurate_seek', '-ss', String(seconds)];
}

/** Filters that give times back as they are in the file, after seekTo. */
export function afterSeek(filter: 'setpts' | 'asetpts', seconds: number): string[] {
  return seconds === 0 ? [] : [`${filter}='round(PTS+${seconds}/TB)'`];
}

/** A still has the same picture at every time, so a part of it only says how long it is shown. Seconds; at least a frame. */
export function stillSecondsOf(trim: Trim | undefined, stillSeconds: number): number {
  if (trim === undefined) return stillSeconds;
  const { startSeconds, endSeconds = stillSeconds } = trim;
  if (endSeconds - startSeconds < LEAST_FRAME_SECONDS) throw beyondEnd(trim, stillSeconds, 'conform');
  return endSeconds - startSeconds;
}

/** @param length of the clip or track, seconds */
export function beyondEnd({ startSeconds }: Trim, length: number, stage: Stage): PermanentError {
  const message =
    `Expected start_seconds before the end at ${length.toFixed(2)} s, got ${startSeconds} s: nothing is left. ` +
    'Next step: choose an earlier start_seconds.';
  return new PermanentError('trim_empty', stage, message);
}

/** What to say of a part that is shorter than asked for. @param length of the clip or track, seconds */
export function trimWarnings(trim: Trim | undefined, length: number): string[] {
  const end = trim?.endSeconds;
  if (end === undefined || end - length <= LEAST_MISSING_SECONDS) return [];
  return [
    `Expected end_seconds within its ${length.toFixed(2)} s, got ${end} s: it ends there. Choose an earlier end_seconds.`,
  ];
}
