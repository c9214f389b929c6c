/**
 * Decides by the remuxed file whether the frames of a clip can stand between those of others. No boxes of strangers are
 * parsed: ffmpeg wrote all of them anew.
 */
import { createHash } from 'node:crypto';
import { framesPerSecond, rateText } from '../../model/frame-rate.ts';
import type { Profile } from '../../model/pins.ts';
import { ByteWindow } from '../byte-window.ts';
import { only, pictureOf, readTrack } from '../mp4/tracks.ts';
import { readDecoderSetup } from './decoder-setup.ts';
import { walkFrames } from './frame-walk.ts';
import { CopyRefused, orRefused, refuseUnless, unread } from './refused.ts';

/** Instagram's limit for Reels, which is the lowest of the platforms. */
const MOST_BITS_PER_SECOND = 25e6;
/** Seeking in a video takes as long as decoding from the key frame before. */
const LONGEST_GAP_SECONDS = 10;

/** @returns `header`, see CopyCheck. Throws CopyRefused. */
export async function checkRemuxed(
  file: string,
  frames: number,
  profile: Profile,
  signal: AbortSignal,
): Promise<string> {
  try {
    const track = await readTrack(file, 'vide');
    const setup = readDecoderSetup(only(track.tables, 'stsd'), profile);
    const { entry, sizes, offsets, sync } = orRefused(
      'has a list of its frames that is broken, or of an unusual form',
      () => pictureOf(track, profile.rate),
    );
    refuseUnless(sizes.length === frames, `has ${frames} frames, of which ${sizes.length} can be copied`);
    const seconds = frames / framesPerSecond(profile.rate);
    const rate = sizes.reduce((sum, size) => sum + size, 0) / seconds;
    refuseUnless(rate * 8 <= MOST_BITS_PER_SECOND, `has ${megabits(rate)} Mbit/s, and at most 25 are copied`);
    checkSync(sync, frames, profile);
    await using bytes = await ByteWindow.open(file);
    await walkFrames(bytes, { sizes, offsets }, setup, signal);
    const { width, height } = profile;
    return createHash('sha256')
      .update(`${width}x${height} ${rateText(profile.rate)} `)
      .update(entry)
      .digest('hex');
  } catch (cause) {
    signal.throwIfAborted();
    // What is wrong with the disk says nothing about the clip.
    if (cause instanceof CopyRefused || (cause instanceof Error && 'syscall' in cause)) throw cause;
    // Our parsers' own errors, such as a number beyond the end of its box.
    throw unread('has an index or a frame that is broken, or of an unusual form', cause);
  }
}

function megabits(bytesPerSecond: number): string {
  return ((bytesPerSecond * 8) / 1e6).toFixed(1);
}

function checkSync(sync: Uint32Array | null, frames: number, { rate }: Profile): void {
  if (sync === null) return;
  const longest = sync.reduce((most, at, number) => Math.max(most, (sync[number + 1] ?? frames) - at), 0);
  const seconds = longest / framesPerSecond(rate);
  refuseUnless(
    seconds <= LONGEST_GAP_SECONDS,
    `has ${seconds.toFixed(1)} s between two key frames, and at most 10 are copied`,
  );
}
