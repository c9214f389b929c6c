/**
 * Looks into an MP4 from outside before ffmpeg does: ffmpeg makes an index entry for every sample that the file names,
 * and a few bytes can name millions. ISO/IEC 14496-12. Broken boxes are left to ffmpeg, which says what is wrong.
 */
import { type FileHandle, open } from 'node:fs/promises';

export interface Mp4Index {
  /** The kind of file that it says it is, such as "isom"; null for other files. */
  brand: string | null;
  /** Entries of the index that ffmpeg would make; 0 for other files. */
  samples: number;
}

const HEADER = 8;
const LARGE_HEADER = 16;
/** On the first level: a recording of two hours in fragments of half a second has 30,000. */
const MOST_BOXES = 50_000;
/** Within one index, which has a few dozen for each stream. */
const MOST_INDEX_BOXES = 20_000;
/** moov, trak, mdia, minf, stbl. */
const DEEPEST = 5;
/** The index of two hours of film takes 10 MB. */
const MOST_INDEX_BYTES = 64 * 1024 * 1024;
/** Boxes that contain boxes which matter here. */
const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'moof', 'traf']);
/** As ffmpeg tells an MP4 by its first box. */
const FIRST_BOXES = new Set(['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'styp', 'sidx', 'moof']);

export async function readMp4Index(file: string): Promise<Mp4Index> {
  await using handle = await open(file);
  const { size: end } = await handle.stat();
  let brand: string | null = null;
  let samples = 0;
  let at = 0;
  for (let boxes = 0; at + HEADER <= end && boxes < MOST_BOXES; boxes++) {
    const header = await read(handle, at, LARGE_HEADER);
    const { type, size, skip } = boxHeader(header, end - at);
    if (boxes === 0 && !FIRST_BOXES.has(type)) return { brand: null, samples: 0 };
    if (type === 'ftyp') brand ??= (await read(handle, at + skip, 4)).toString('latin1');
    if (type === 'moov' || type === 'moof') {
      if (size > MOST_INDEX_BYTES) return { brand, samples: Number.POSITIVE_INFINITY };
      samples += samplesIn(type, await read(handle, at + skip, Math.min(size, end - at) - skip));
    }
    at += Math.max(size, HEADER);
  }
  return { brand, samples: at < end && at + HEADER <= end ? Number.POSITIVE_INFINITY : samples };
}

/** The samples that one index names. Infinity if it has more boxes than any real one. */
function samplesIn(index: string, whole: Buffer): number {
  let samples = 0;
  let boxes = 0;
  const visit = (parent: string, body: Buffer, depth: number): void => {
    if (parent === 'stbl') samples += samplesOfTables(body);
    for (const box of children(body)) {
      boxes += 1;
      if (boxes > MOST_INDEX_BOXES) return;
      // The entries of a run may all have the default size. Then they take no bytes.
      if (box.type === 'trun') samples += uint32(box.body, 4);
      if (CONTAINERS.has(box.type) && depth < DEEPEST) visit(box.type, box.body, depth + 1);
    }
  };
  visit(index, whole, 1);
  return boxes > MOST_INDEX_BOXES ? Number.POSITIVE_INFINITY : samples;
}

/** ffmpeg indexes sound of samples that last one tick each (PCM) by its chunks, all else by its samples. */
function samplesOfTables(stbl: Buffer): number {
  const table = new Map<string, Buffer>();
  // stbl has about ten boxes. ffmpeg takes the first of each kind.
  for (const { type, body } of children(stbl)) if (!table.has(type)) table.set(type, body);
  const count = (type: string, at: number) => uint32(table.get(type), at);
  const inChunks = count('stts', 4) === 1 && count('stts', 12) === 1;
  const chunks = count('stco', 4) + count('co64', 4);
  const samples = count('stsz', 8) + count('stz2', 8);
  return inChunks ? chunks : samples;
}

function* children(body: Buffer): Generator<{ type: string; body: Buffer }> {
  for (let at = 0; at + HEADER <= body.length; ) {
    const { type, size, skip } = boxHeader(body.subarray(at), body.length - at);
    yield { type, body: body.subarray(at + skip, at + size) };
    at += Math.max(size, HEADER);
  }
}

/** Size 1 means that a 64-bit size follows, size 0 that the box ends with the file. */
function boxHeader(bytes: Buffer, rest: number): { type: string; size: number; skip: number } {
  const short = uint32(bytes, 0);
  const long = short === 1 && bytes.length >= LARGE_HEADER;
  const size = long ? Number(bytes.readBigUInt64BE(HEADER)) : short === 0 ? rest : short;
  return { type: bytes.toString('latin1', 4, HEADER), size, skip: long ? LARGE_HEADER : HEADER };
}

function uint32(bytes: Buffer | undefined, at: number): number {
  return bytes === undefined || bytes.length < at + 4 ? 0 : bytes.readUInt32BE(at);
}

async function read(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.max(0, length));
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, at);
  return bytes.subarray(0, bytesRead);
}
