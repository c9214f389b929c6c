/**
 * Takes a part of a remuxed clip as it is. Frames are cut off in the order in which they are decoded, so this needs a key frame
 * where the part begins, and an end behind which no frame is decoded that is shown before it.
 */
import { type FrameRate, framesPerSecond } from '../../model/frame-rate.ts';
import { type Picture, readPicture } from '../mp4/tracks.ts';
import { writePicture } from '../mp4/write-movie.ts';
import { refuseUnless, unread } from './refused.ts';

export interface PartToCopy {
  /** Of the part, within the clip, and how many. */
  first: number;
  frames: number;
  /** Of the clip. */
  packets: number;
  rate: FrameRate;
  signal: AbortSignal;
}

/** Throws CopyRefused, and TransientError 'disk_full'. */
export async function copyPart(whole: string, out: string, part: PartToCopy): Promise<void> {
  const { rate, packets, signal } = part;
  const picture = await readPicture(whole, rate).catch((cause: unknown) => {
    if (cause instanceof Error && 'syscall' in cause) throw cause;
    throw unread('has a list of its frames that is broken, or of an unusual form', cause);
  });
  const found = picture.sizes.length;
  refuseUnless(found === packets, `has ${packets} frames, of which ${found} can be copied`);
  await writePicture(partOfPicture(picture, part), rate, out, { signal });
}

/** Throws CopyRefused. */
export function partOfPicture(
  picture: Picture,
  { first, frames, rate }: Pick<PartToCopy, 'first' | 'frames' | 'rate'>,
): Picture {
  const { sizes, offsets, sync, order } = picture;
  const end = first + frames;
  const isSync = sync === null || sync.includes(first);
  refuseUnless(isSync, `begins between two key frames (${nearby(sync, first, rate)})`);
  refuseUnless(isApart(order, first), 'begins where a frame is decoded that is shown earlier');
  refuseUnless(isApart(order, end), 'ends between frames that are decoded in another order than shown');
  return {
    ...picture,
    sizes: sizes.subarray(first, end),
    offsets: offsets.subarray(first, end),
    sync: sync?.filter((frame) => frame >= first && frame < end).map((frame) => frame - first) ?? null,
    order: order?.subarray(first, end).map((place) => place - first) ?? null,
  };
}

/** Whether all frames that are decoded before that one are shown before it, and before all that follow. */
function isApart(order: Uint32Array | null, at: number): boolean {
  // Of so many, all places are taken only if none of them is later.
  return order === null || order.subarray(0, at).every((place) => place < at);
}

/** For people who would rather begin there. */
function nearby(sync: Uint32Array | null, first: number, rate: FrameRate): string {
  const before = sync?.findLast((frame) => frame < first);
  const after = sync?.find((frame) => frame > first);
  const times = [before, after]
    .filter((frame) => frame !== undefined)
    .map((frame) => `${Number((frame / framesPerSecond(rate)).toFixed(3))} s`);
  return `the nearest ${times.length === 1 ? 'is' : 'are'} at ${times.join(' and ')}`;
}
