/** Reads files that consist of chunks: RIFF (AVI, WAV, WebP), AIFF, W64, CAF and PNG. */
import type { ByteWindow } from './byte-window.ts';

export interface Chunk {
  type: string;
  /** Without its header. */
  size: number;
  start: number;
  /** By its size, so it may be beyond the end of the file. */
  end: number;
}

/** How a format writes them. */
export interface ChunkFormat {
  headerBytes: number;
  /** `size` is that of the body. */
  read(header: Buffer): { type: string; size: number };
  /** Bytes between a body and the next header. */
  gap(size: number): number;
}

/** Two hours of film with its sound. */
const MOST_CHUNKS = 2_000_000;
const LETTERS = /^(?:[ -~]{4}|[0-9a-f]{32})$/;
const even = (size: number) => size % 2;
const lettersAt = (header: Buffer, at: number) => header.toString('latin1', at, at + 4);

/** https://learn.microsoft.com/windows/win32/xaudio2/resource-interchange-file-format--riff- */
export const RIFF: ChunkFormat = {
  headerBytes: 8,
  read: (header) => ({ type: lettersAt(header, 0), size: header.readUInt32LE(4) }),
  gap: even,
};
/** Audio Interchange File Format 1.3. */
export const AIFF: ChunkFormat = {
  headerBytes: 8,
  read: (header) => ({ type: lettersAt(header, 0), size: header.readUInt32BE(4) }),
  gap: even,
};
/** https://www.w3.org/TR/png-3/#5Chunk-layout. A checksum follows each. */
export const PNG: ChunkFormat = {
  headerBytes: 8,
  read: (header) => ({ type: lettersAt(header, 4), size: header.readUInt32BE(0) }),
  gap: () => 4,
};
/** Sony Wave64: types are GUIDs (here in hex), sizes include the header, and all begins at a multiple of 8. */
export const W64: ChunkFormat = {
  headerBytes: 24,
  read: (header) => ({ type: header.toString('hex', 0, 16), size: Number(header.readBigUInt64LE(16)) - 24 }),
  gap: (size) => -size & 7,
};
/** Apple Core Audio Format 1.0. An unknown size is -1. */
export const CAF: ChunkFormat = {
  headerBytes: 12,
  read: (header) => ({ type: lettersAt(header, 0), size: Number(header.readBigInt64BE(4)) }),
  gap: () => 0,
};

export interface Walk {
  /** A list is a chunk that begins with the name of what it contains: whether its chunks are given in its place. */
  isEntered?: (type: string, list: string) => boolean;
  most?: number;
}

/** The chunks in order, until something else stands there. The size of a list that is entered is ignored. */
export async function* chunksIn(
  bytes: ByteWindow,
  from: number,
  { headerBytes, read, gap }: ChunkFormat,
  { isEntered = () => false, most = MOST_CHUNKS }: Walk = {},
): AsyncGenerator<Chunk> {
  let at = from;
  for (let chunks = 0; chunks < most && at + headerBytes <= bytes.size; chunks++) {
    const header = await bytes.at(at, headerBytes + 4);
    const { type, size } = read(header);
    const start = at + headerBytes;
    if (isEntered(type, lettersAt(header, headerBytes))) {
      at = start + 4;
      continue;
    }
    if (!LETTERS.test(type) || size < 0) return;
    yield { type, size, start, end: start + size };
    at = start + size + gap(size);
  }
}

/** The chunk that the file does not hold to its end, if there is one. */
export async function brokenOff(
  bytes: ByteWindow,
  from: number,
  format: ChunkFormat,
  walk: Walk = {},
): Promise<Chunk | undefined> {
  for await (const chunk of chunksIn(bytes, from, format, walk)) if (chunk.end > bytes.size) return chunk;
  return undefined;
}
