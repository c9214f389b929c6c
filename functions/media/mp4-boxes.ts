/** Reads the boxes of our own MP4 files. ISO/IEC 14496-12 and -15. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

export interface VideoTrack {
  /** SHA-256 of the decoder configuration (avcC: SPS and PPS), hex. Tracks can be joined if it is equal. */
  avcC: string;
  frames: number;
  /** Ticks per second. */
  timescale: number;
  /** Ticks per frame; null if frames differ in length. */
  frameTicks: number | null;
}

export interface Box {
  type: string;
  /** Without its header. Empty for `mdat`, and for a top-level box that is larger than the limit. */
  body: Buffer;
  /** Of the body, in its parent or in the file. */
  start: number;
  end: number;
}

/** Enough for hours of video at about 30 bytes per frame. */
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** ffmpeg writes four. */
const MOST_BOXES = 64;
const HEADER = 8;
const LARGE_HEADER = 16;
/** Bytes of a sample entry before its boxes: VisualSampleEntry of 14496-12, 8.5.2. */
const AVC1_FIELDS = 78;

/** The first H.264 track. Throws an Error if the file has no index or no such track. */
export async function readVideoTrack(file: string): Promise<VideoTrack> {
  await using handle = await open(file);
  const tracks = children(boxIn(await topLevel(handle), 'moov')).filter(({ type }) => type === 'trak');
  for (const { body } of tracks) {
    const media = one(body, 'mdia');
    const tables = one(one(media, 'minf'), 'stbl');
    const [entry] = children(one(tables, 'stsd').subarray(8));
    if (entry?.type !== 'avc1') continue;
    return {
      avcC: createHash('sha256')
        .update(one(entry.body.subarray(AVC1_FIELDS), 'avcC'))
        .digest('hex'),
      frames: one(tables, 'stsz').readUInt32BE(8),
      timescale: timescaleOf(one(media, 'mdhd')),
      frameTicks: frameTicksOf(one(tables, 'stts')),
    };
  }
  throw new Error('Expected an H.264 track, got none');
}

function timescaleOf(mdhd: Buffer): number {
  const version = mdhd.readUInt8(0);
  return mdhd.readUInt32BE(version === 1 ? 20 : 12);
}

function frameTicksOf(stts: Buffer): number | null {
  return stts.readUInt32BE(4) === 1 ? stts.readUInt32BE(12) : null;
}

/** The boxes of the file, in order. Throws an Error if it has many more than ffmpeg writes. */
export async function topLevel(handle: FileHandle, mostBytes: number = MAX_INDEX_BYTES): Promise<Box[]> {
  const header = Buffer.alloc(LARGE_HEADER);
  const { size: fileEnd } = await handle.stat();
  const boxes: Box[] = [];
  for (let at = 0; at + HEADER <= fileEnd; ) {
    await handle.read(header, 0, LARGE_HEADER, at);
    const { type, size, skip } = boxHeader(header, fileEnd - at);
    const start = at + skip;
    const isRead = type !== 'mdat' && size <= mostBytes;
    const body = Buffer.alloc(isRead ? size - skip : 0);
    await handle.read(body, 0, body.length, start);
    boxes.push({ type, body, start, end: at + size });
    if (boxes.length > MOST_BOXES) throw new Error(`Expected at most ${MOST_BOXES} boxes, got more`);
    at += size;
  }
  return boxes;
}

/** The body of the first box of that type in a body. Throws an Error if there is none. */
export function one(body: Buffer, type: string): Buffer {
  return boxIn(children(body), type);
}

export function boxIn(boxes: readonly Box[], type: string): Buffer {
  const box = boxes.find((candidate) => candidate.type === type);
  if (box === undefined) throw new Error(`Expected an MP4 with a ${type} box, got none`);
  return box.body;
}

export function children(body: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + HEADER <= body.length; ) {
    const { type, size, skip } = boxHeader(body.subarray(at), body.length - at);
    boxes.push({ type, body: body.subarray(at + skip, at + size), start: at + skip, end: at + size });
    at += size;
  }
  return boxes;
}

/** Size 1 means that a 64-bit size follows, size 0 that the box ends with the file. */
function boxHeader(bytes: Buffer, rest: number): { type: string; size: number; skip: number } {
  const short = bytes.readUInt32BE(0);
  const skip = short === 1 ? LARGE_HEADER : HEADER;
  const size = short === 1 ? Number(bytes.readBigUInt64BE(8)) : short === 0 ? rest : short;
  if (size < skip || size > rest) throw new Error('Expected whole MP4 boxes, got a broken one');
  return { type: bytes.toString('latin1', 4, 8), size, skip };
}
