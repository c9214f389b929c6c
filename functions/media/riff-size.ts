/** Finds AVI, WAV and AIFF files that are shorter than their sizes say, which ffmpeg does not check. */
import type { ByteWindow } from './byte-window.ts';
import { AIFF, brokenOff, type Chunk, type ChunkFormat, chunksIn, RIFF, W64 } from './chunks.ts';

/** The name of the whole, its size, and what it contains. */
const HEADER_BYTES = 12;
/** Some writers also count the header, or a last byte that they do not write. */
const MISCOUNTED = 1_024;
/** A program that streams a WAV or AIFF does not know its size yet, and writes one of the largest. */
const LEAST_MADE_UP = 0x7f000000;
const UNKNOWN = 0xffffffff;
const W64_RIFF = '726966662e91cf11a5d628db04c10000';
const W64_DATA = '64617461f3acd3118cd100c04f8edb8a';
const W64_HEADER_BYTES = 40;

/**
 * How many bytes the file lacks, at least. 0 for other files, and if the size is unknown. The size of the whole and that of
 * the part with picture or sound must both say so: one alone is wrong more often than an upload breaks off.
 */
export async function missingRiffBytes(bytes: ByteWindow): Promise<number> {
  const header = await bytes.at(0, W64_HEADER_BYTES);
  if (header.length < HEADER_BYTES) return 0;
  if (header.toString('hex', 0, 16) === W64_RIFF) return missingInW64(bytes, header);
  const kind = `${header.toString('latin1', 0, 4)} ${header.toString('latin1', 8, 12)}`;
  const [little, big] = [header.readUInt32LE(4), header.readUInt32BE(4)];
  if (/^FORM AIF[FC]$/.test(kind)) return missingSound(bytes, big, AIFF, 'SSND');
  if (kind === 'RIFF WAVE') return missingSound(bytes, little, RIFF, 'data');
  if (/^(RF|BW)64 WAVE$/.test(kind)) return missingInLongWav(bytes);
  if (!/^RIFF AVI/.test(kind)) return 0;
  return little === UNKNOWN || little === 0 ? missingInOpenAvi(bytes) : missingInLists(bytes);
}

/** Of these ends, in bytes of the file, the smallest one counts. */
function missingBefore(bytes: ByteWindow, ...ends: number[]): number {
  const missing = Math.min(...ends) - bytes.size;
  return missing <= MISCOUNTED ? 0 : missing;
}

async function missingSound(
  bytes: ByteWindow,
  size: number,
  format: ChunkFormat,
  sound: string,
): Promise<number> {
  const chunk = await brokenOff(bytes, HEADER_BYTES, format);
  if (size >= LEAST_MADE_UP || chunk?.type !== sound) return 0;
  return missingBefore(bytes, format.headerBytes + size, chunk.end);
}

/** A large AVI consists of several lists (OpenDML 1.02), one after the other. What was filmed is in lists within them. */
async function missingInLists(bytes: ByteWindow): Promise<number> {
  const whole = await brokenOff(bytes, 0, RIFF);
  const part = await brokenOff(bytes, 0, RIFF, { isEntered: (type) => type === 'RIFF' });
  if (whole?.type !== 'RIFF' || whole.size === UNKNOWN || part?.type !== 'LIST') return 0;
  return missingBefore(bytes, whole.end, part.end);
}

/** An AVI that was never closed, or that was written to a pipe. Its pieces have their sizes. */
async function missingInOpenAvi(bytes: ByteWindow): Promise<number> {
  const isEntered = (type: string, list: string) => type === 'LIST' && list === 'movi';
  const piece = await brokenOff(bytes, HEADER_BYTES, RIFF, { isEntered });
  return piece === undefined || piece.size >= LEAST_MADE_UP ? 0 : piece.end - bytes.size;
}

/** EBU Tech 3306: the real sizes follow in 64 bits, first that of the whole, then that of the sound. */
async function missingInLongWav(bytes: ByteWindow): Promise<number> {
  const sizes = await bytes.at(HEADER_BYTES, RIFF.headerBytes + 16);
  if (sizes.length < RIFF.headerBytes + 16 || sizes.toString('latin1', 0, 4) !== 'ds64') return 0;
  const [whole, sound] = [8, 16].map((at) => Number(sizes.readBigUInt64LE(at))) as [number, number];
  const chunk = await first(chunksIn(bytes, HEADER_BYTES, RIFF), 'data');
  if (chunk === undefined || Math.max(whole, sound) > Number.MAX_SAFE_INTEGER) return 0;
  const end = chunk.size === UNKNOWN ? chunk.start + sound : chunk.end;
  return missingBefore(bytes, RIFF.headerBytes + whole, end);
}

async function missingInW64(bytes: ByteWindow, header: Buffer): Promise<number> {
  if (header.length < W64_HEADER_BYTES) return 0;
  const whole = Number(header.readBigUInt64LE(16));
  const chunk = await brokenOff(bytes, W64_HEADER_BYTES, W64);
  if (chunk?.type !== W64_DATA || Math.max(whole, chunk.end) > Number.MAX_SAFE_INTEGER) return 0;
  return missingBefore(bytes, whole, chunk.end);
}

async function first(chunks: AsyncIterable<Chunk>, type: string): Promise<Chunk | undefined> {
  for await (const chunk of chunks) if (chunk.type === type) return chunk;
  return undefined;
}
