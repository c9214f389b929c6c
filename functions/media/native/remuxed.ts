/**
 * Decides by the remuxed file whether the frames of a clip can stand between those of others. No boxes of strangers are
 * parsed: ffmpeg wrote all of them anew.
 */
import { createHash } from 'node:crypto';
import { framesPerSecond, rateText } from '../../model/frame-rate.ts';
import type { Profile } from '../../model/pins.ts';
import { ByteWindow } from '../byte-window.ts';
import { children, one, readIndex } from '../mp4/boxes.ts';
import { readPicture } from '../mp4/tracks.ts';
import { timescale } from '../profile.ts';
import { readDecoderSetup } from './decoder-setup.ts';
import { walkFrames } from './frame-walk.ts';
import { CopyRefused, refuseUnless } from './refused.ts';
import { decodedAt, MOST_OFF_GRID, placed, shownAt } from './sample-times.ts';

/** Instagram's limit for Reels, which is the lowest of the platforms. */
const MOST_BITS_PER_SECOND = 25e6;
/** Seeking in a video takes as long as decoding from the key frame before. */
const LONGEST_GAP_SECONDS = 10;
/** More than any decoder keeps: 16 pictures, by H.264 A.3.1. */
const DEEPEST_REORDER = 16;
/** @returns `header`, see CopyCheck. Throws CopyRefused. */
export async function checkRemuxed(
  file: string,
  frames: number,
  profile: Profile,
  signal: AbortSignal,
): Promise<string> {
  try {
    await using bytes = await ByteWindow.open(file);
    const tables = await pictureTables(bytes);
    const setup = readDecoderSetup(one(tables, 'stsd'), profile);
    checkCount(one(tables, 'stsz'), frames);
    checkTimes(tables, frames, profile);
    // Checks these tables once more, and those that say where the frames are.
    const { entry, sizes, offsets, sync } = await readPicture(file);
    const seconds = frames / framesPerSecond(profile.rate);
    const rate = sizes.reduce((sum, size) => sum + size, 0) / seconds;
    refuseUnless(rate * 8 <= MOST_BITS_PER_SECOND, `has ${megabits(rate)} Mbit/s, and at most 25 are copied`);
    checkSync(sync, frames, profile);
    await walkFrames(bytes, { sizes, offsets }, setup, signal);
    const { width, height } = profile;
    return createHash('sha256')
      .update(`${width}x${height} ${rateText(profile.rate)} `)
      .update(entry)
      .digest('hex');
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof CopyRefused) throw cause;
    // Our parser's own errors, such as a number beyond the end of its box.
    throw new CopyRefused(`cannot be read (${cause instanceof Error ? cause.message : cause})`, { cause });
  }
}

/** Of the only track. */
async function pictureTables(bytes: ByteWindow): Promise<Buffer> {
  return one(one(one(one(await readIndex(bytes), 'trak'), 'mdia'), 'minf'), 'stbl');
}

function checkCount(stsz: Buffer, frames: number): void {
  const count = stsz.readUInt32BE(8);
  refuseUnless(count === frames, `has ${frames} frames, of which ${count} can be copied`);
}

function megabits(bytesPerSecond: number): string {
  return ((bytesPerSecond * 8) / 1e6).toFixed(1);
}

function checkSync(sync: Uint32Array | null, frames: number, { rate }: Profile): void {
  if (sync === null) return;
  refuseUnless(sync[0] === 0, 'does not begin with a key frame');
  const longest = sync.reduce((most, at, number) => Math.max(most, (sync[number + 1] ?? frames) - at), 0);
  const seconds = longest / framesPerSecond(rate);
  refuseUnless(
    seconds <= LONGEST_GAP_SECONDS,
    `has ${seconds.toFixed(1)} s between two key frames, and at most 10 are copied`,
  );
}

function checkTimes(tables: Buffer, frames: number, { rate }: Profile): void {
  const ctts = children(tables).find(({ type }) => type === 'ctts')?.body;
  const shown = shownAt(decodedAt(one(tables, 'stts'), frames), ctts);
  const ticks = (timescale(rate) * rate.den) / rate.num;
  const { order, most } = placed(shown, ticks);
  refuseUnless(order[0] === 0, 'begins with a frame that others are shown before');
  refuseUnless(most <= MOST_OFF_GRID, 'has frames beside the places that a constant rate gives them');
  const deepest = order.reduce((depth, at, place) => Math.max(depth, at - place), 0);
  refuseUnless(deepest <= DEEPEST_REORDER, 'has frames in an order that decoders cannot undo');
}
