/** Reads the chunks of RIFF files: https://learn.microsoft.com/windows/win32/xaudio2/resource-interchange-file-format--riff- */
import type { ByteWindow } from './byte-window.ts';

export const CHUNK_BYTES = 8;
/** A list is a chunk that begins with the name of what it contains. */
export const LIST_BYTES = 12;
/** Who streams a WAV or AIFF writes one of the largest sizes, because the real one is not known yet. */
export const LEAST_MADE_UP = 0x7f000000;
/** Two hours of film with its sound. */
const MOST_CHUNKS = 2_000_000;

export interface Chunk {
  type: string;
  size: number;
  /** By its size, so it may be beyond the end of the file. */
  end: number;
}

/**
 * The chunks in order, until something else stands there.
 * @param isEntered whether the chunks in a list are given instead of the list, whose size is then ignored
 */
export async function* chunksIn(
  bytes: ByteWindow,
  from: number,
  isEntered: (type: string, list: string) => boolean,
): AsyncGenerator<Chunk> {
  let at = from;
  for (let chunks = 0; chunks < MOST_CHUNKS && at + CHUNK_BYTES <= bytes.size; chunks++) {
    const header = await bytes.at(at, LIST_BYTES);
    const type = header.toString('latin1', 0, 4);
    const size = header.readUInt32LE(4);
    if (isEntered(type, header.toString('latin1', 8, 12))) {
      at += LIST_BYTES;
      continue;
    }
    if (!/^[ -~]{4}$/.test(type) || size >= LEAST_MADE_UP) return;
    const end = at + CHUNK_BYTES + size;
    yield { type, size, end };
    at = end + (size % 2);
  }
}
