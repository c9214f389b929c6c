/** Finds AVI, WAV and AIFF files that are shorter than their sizes say, which ffmpeg does not check. */
import type { ByteWindow } from './byte-window.ts';

const CHUNK_BYTES = 8;
const LIST_BYTES = 12;
/** Some writers also count the header, or a last byte that they do not write. */
const MISCOUNTED = 1_024;
/** Who streams a WAV or AIFF writes one of the largest sizes, because the real one is not known yet. */
const LEAST_MADE_UP = 0x7f000000;
const UNKNOWN = 0xffffffff;
/** Two hours of film with its sound. */
const MOST_CHUNKS = 2_000_000;

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
  const end = await walk(bytes, LIST_BYTES, (type, list) => type === 'LIST' && list === 'movi');
  return Math.max(0, end - bytes.size);
}

/** Both sizes must say so. One alone is wrong more often than an upload breaks off. */
async function missingSound(bytes: ByteWindow, size: number): Promise<number> {
  const end = await walk(bytes, LIST_BYTES, () => false);
  return Math.min(counted(CHUNK_BYTES + size - bytes.size), counted(end - bytes.size));
}

/** EBU Tech 3306: the real sizes follow in 64 bits. */
async function missingInLongWav(bytes: ByteWindow): Promise<number> {
  const sizes = await bytes.at(LIST_BYTES, CHUNK_BYTES + 8);
  if (sizes.length < CHUNK_BYTES + 8 || sizes.toString('latin1', 0, 4) !== 'ds64') return 0;
  const size = Number(sizes.readBigUInt64LE(CHUNK_BYTES));
  return size > Number.MAX_SAFE_INTEGER ? 0 : counted(CHUNK_BYTES + size - bytes.size);
}

/** Returns where the last chunk ends by its size, and 0 if there is something else than chunks. */
async function walk(
  bytes: ByteWindow,
  from: number,
  isEntered: (type: string, list: string) => boolean,
): Promise<number> {
  let at = from;
  for (let chunks = 0; chunks < MOST_CHUNKS && at + CHUNK_BYTES <= bytes.size; chunks++) {
    const header = await bytes.at(at, LIST_BYTES);
    const type = header.toString('latin1', 0, 4);
    const size = header.readUInt32LE(4);
    if (isEntered(type, header.toString('latin1', 8, 12))) {
      at += LIST_BYTES;
      continue;
    }
    if (!/^[ -~]{4}$/.test(type) || size >= LEAST_MADE_UP) return 0;
    const end = at + CHUNK_BYTES + size;
    if (end > bytes.size) return end;
    at = end + (size % 2);
  }
  return 0;
}
