/** Finds AVI, WAV and AIFF files that are shorter than their sizes say, which ffmpeg does not check. */
import type { ByteWindow } from './byte-window.ts';
import { CHUNK_BYTES, chunksIn, LEAST_MADE_UP, LIST_BYTES } from './riff-chunks.ts';

/** Some writers also count the header, or a last byte that they do not write. */
const MISCOUNTED = 1_024;
const UNKNOWN = 0xffffffff;

/** How many bytes the file lacks, at least. 0 for other files, and if the size is unknown. */
export async function missingRiffBytes(bytes: ByteWindow): Promise<number> {
  const header = await bytes.at(0, LIST_BYTES);
  if (header.length < LIST_BYTES) return 0;
  const kind = `${header.toString('latin1', 0, 4)} ${header.toString('latin1', 8, 12)}`;
  const size = header.readUInt32LE(4);
  if (/^FORM AIF[FC]$/.test(kind)) {
    const said = header.readUInt32BE(4);
    return said >= LEAST_MADE_UP ? 0 : counted(CHUNK_BYTES + said - bytes.size);
  }
  if (kind === 'RIFF WAVE') return size >= LEAST_MADE_UP ? 0 : missingSound(bytes, size);
  if (kind === 'RF64 WAVE') return missingInLongWav(bytes);
  if (!/^RIFF AVI/.test(kind)) return 0;
  return size === UNKNOWN || size === 0 ? missingInOpenAvi(bytes) : missingInLists(bytes);
}

function counted(missing: number): number {
  return missing <= MISCOUNTED ? 0 : missing;
}

/** A large AVI consists of several lists (OpenDML 1.02), one after the other. */
async function missingInLists(bytes: ByteWindow): Promise<number> {
  let at = 0;
  for (;;) {
    const header = await bytes.at(at, LIST_BYTES);
    if (header.length < LIST_BYTES || header.toString('latin1', 0, 4) !== 'RIFF') return 0;
    const size = header.readUInt32LE(4);
    const end = at + CHUNK_BYTES + size;
    if (size === UNKNOWN || size === 0) return 0;
    if (end > bytes.size) return counted(end - bytes.size);
    at = end + (end % 2);
  }
}

/** An AVI that was never closed, or that was written to a pipe. Its pieces have their sizes. */
async function missingInOpenAvi(bytes: ByteWindow): Promise<number> {
  const end = await walk(bytes, (type, list) => type === 'LIST' && list === 'movi');
  return Math.max(0, end - bytes.size);
}

/** Both sizes must say so. One alone is wrong more often than an upload breaks off. */
async function missingSound(bytes: ByteWindow, size: number): Promise<number> {
  const end = await walk(bytes, () => false);
  return Math.min(counted(CHUNK_BYTES + size - bytes.size), counted(end - bytes.size));
}

/** EBU Tech 3306: the real sizes follow in 64 bits. */
async function missingInLongWav(bytes: ByteWindow): Promise<number> {
  const sizes = await bytes.at(LIST_BYTES, CHUNK_BYTES + 8);
  if (sizes.length < CHUNK_BYTES + 8 || sizes.toString('latin1', 0, 4) !== 'ds64') return 0;
  const size = Number(sizes.readBigUInt64LE(CHUNK_BYTES));
  return size > Number.MAX_SAFE_INTEGER ? 0 : counted(CHUNK_BYTES + size - bytes.size);
}

/** Where a chunk that the file does not hold ends by its size. 0 if all are there. */
async function walk(bytes: ByteWindow, isEntered: (type: string, list: string) => boolean): Promise<number> {
  for await (const { end } of chunksIn(bytes, LIST_BYTES, isEntered)) if (end > bytes.size) return end;
  return 0;
}
