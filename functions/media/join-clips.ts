/** Makes the video of a combination: its clips' frames and its soundtrack in one file, as they are. */
import { PermanentError, TransientError } from '../base/errors.ts';
import { type FrameRate, framesPerSecond, samplesOf } from '../model/frame-rate.ts';
import type { Subtitles } from './mp4/text-track.ts';
import { beginningOf, type Picture, readSound } from './mp4/tracks.ts';
import { type MovieFacts, writeMovie } from './mp4/write-movie.ts';

export interface JoinInput {
  /** The pictures of the prepared clips, in order. */
  clips: readonly Picture[];
  rate: FrameRate;
  /** Its path. It is as long as the clips together or, if it is nothing but silence, perhaps longer. */
  soundtrack: { file: string; isSilence: boolean };
  /** Whether to write edit lists. */
  editLists: boolean;
  /** In a track of their own; absent: none. */
  subtitles?: Subtitles;
  /** Path of the video to make. */
  out: string;
  signal: AbortSignal;
}

/**
 * Writes the video and says what is in it. Throws PermanentError 'mix_failed' if the clips or the soundtrack do not belong
 * together, TransientError 'disk_full', and the signal's reason.
 */
export async function joinClips({
  clips,
  rate,
  soundtrack,
  editLists,
  subtitles,
  out,
  signal,
}: JoinInput): Promise<MovieFacts> {
  try {
    const whole = await readSound(soundtrack.file);
    const frames = clips.reduce((sum, { sizes }) => sum + sizes.length, 0);
    const sound = soundtrack.isSilence ? beginningOf(whole, samplesOf(frames, rate)) : whole;
    const movie = { clips, sound, rate, editLists, ...(subtitles && { subtitles }) };
    return await writeMovie(movie, out, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw known(error);
  }
}

/** Samples per channel of the sound of all clips together. */
export function totalOf(clips: readonly { frames: number }[], rate: FrameRate): number {
  return samplesOf(framesOf(clips), rate);
}

export function secondsOf(clips: readonly { frames: number }[], rate: FrameRate): number {
  return framesOf(clips) / framesPerSecond(rate);
}

function framesOf(clips: readonly { frames: number }[]): number {
  return clips.reduce((sum, { frames }) => sum + frames, 0);
}

/** Errors of the system, such as a file that is gone, stay what they are, and so do mistakes of this code. */
function known(error: unknown): unknown {
  if (!(error instanceof Error) || PermanentError.is(error) || TransientError.is(error)) return error;
  if ('syscall' in error || error instanceof TypeError) return error;
  return new PermanentError('mix_failed', 'mix', `${error.message}. Retry the task.`, { cause: error });
}
