/** Reads the boxes of MP4 files. ISO/IEC 14496-12. */
import type { ByteWindow } from '../byte-window.ts';

export interface Box {
  type: string;
  /** Without its header. */
  body: Buffer;
}

/** A box of the file itself, not of another box. */
export interface Place {
  type: string;
  /** Where its header begins, and where its body does. */
  at: number;
  start: number;
  /** By its size, so it may be beyond the end of the file. */
  end: number;
}

/** Enough for hours of video at about 30 bytes per frame. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** Of the file itself: twenty minutes in fragments of a frame have 180,000. */
export const MOST_PLACES = 200_000;
/** Each takes memory. Real boxes contain a few dozen others. */
const MOST_CHILDREN = 20_000;
export const HEADER = 8;
const LARGE_HEADER = 16;

/** The boxes of the file in order, at most MOST_PLACES, until something broken stands there. */
export async function* topLevel(bytes: ByteWindow): AsyncGenerator<Place> {
  let at = 0;
  for (let places = 0; places < MOST_PLACES && at + HEADER <= bytes.size; places++) {
    const { type, size, skip } = boxAt(await bytes.at(at, LARGE_HEADER), 0, bytes.size - at);
    if (size < skip) return;
    yield { type, at, start: at + skip, end: at + size };
    at += size;
  }
}

/** The body of the first `moov`. Throws an Error if there is none, or if it is cut off or larger than the limit. */
export async function readIndex(bytes: ByteWindow, mostBytes: number = MAX_INDEX_BYTES): Promise<Buffer> {
  for await (const { type, start, end } of topLevel(bytes)) {
    if (type !== 'moov') continue;
    const most = Math.min(mostBytes, bytes.size - start);
    if (end - start > most) throw new Error(`Expected at most ${most} bytes of index, got ${end - start}`);
    return bytes.load(start, end - start);
  }
  throw new Error('Expected an MP4 with a moov box, got none');
}

/** The body of the first box of that type in a body. Throws an Error if there is none. */
export function one(body: Buffer, type: string): Buffer {
  const box = children(body).find((candidate) => candidate.type === type);
  if (box === undefined) throw new Error(`Expected an MP4 with a ${type} box, got none`);
  return box.body;
}

/** Throws an Error if they are broken, or more than any real box contains. */
export function children(body: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + HEADER <= body.length; ) {
    const { type, size, skip } = boxAt(body, at, body.length - at);
    if (size < skip || at + size > body.length) throw new Error('Expected whole MP4 boxes, got a broken one');
    if (boxes.length === MOST_CHILDREN) throw new Error(`Expected at most ${MOST_CHILDREN} boxes, got more`);
    boxes.push({ type, body: body.subarray(at + skip, at + size) });
    at += size;
  }
  return boxes;
}

/**
 * Reads a header. Size 1 means that a 64-bit size follows, size 0 that the box ends with what it is in.
 * @returns a size smaller than `skip` if the box is broken, and one larger than `rest` if it is cut off
 */
export function boxAt(bytes: Buffer, at: number, rest: number): { type: string; size: number; skip: number } {
  if (bytes.length < at + HEADER) return { type: '', size: 0, skip: HEADER };
  const short = bytes.readUInt32BE(at);
  const isLong = short === 1 && bytes.length >= at + LARGE_HEADER;
  const size = isLong ? Number(bytes.readBigUInt64BE(at + HEADER)) : short === 0 ? rest : short;
  const skip = isLong ? LARGE_HEADER : HEADER;
  return { type: bytes.toString('latin1', at + 4, at + HEADER), size, skip };
}
