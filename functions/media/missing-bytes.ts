/**
 * Proves from the bytes that an upload broke off: what a file says about the sizes of its own parts, compared with its
 * size. A length in a header is no proof, because headers of complete files are often wrong.
 */
import { missingAsfBytes } from './asf-size.ts';
import { ByteWindow } from './byte-window.ts';
import { missingChunkBytes } from './chunk-size.ts';
import { missingFlacBytes } from './flac-size.ts';
import { missingFlvBytes } from './flv-size.ts';
import { missingGifBytes } from './gif-size.ts';
import { missingMatroskaBytes } from './matroska-size.ts';
import { missingMp3Bytes } from './mp3-size.ts';
import { missingOggBytes } from './ogg-size.ts';
import { missingRiffBytes } from './riff-size.ts';

export interface Missing {
  /** How many bytes are missing at the end, at least. */
  bytes: number;
  /** A recording that was stopped, or cut by a simple tool, ends in the same way. Then the header must say so as well. */
  isDoubtful: boolean;
}

const PROOFS = [
  missingMatroskaBytes,
  missingRiffBytes,
  missingChunkBytes,
  missingAsfBytes,
  missingGifBytes,
  missingOggBytes,
];
const DOUBTS = [missingFlvBytes, missingMp3Bytes, missingFlacBytes];

/** MP4 is not included, because its index is read anyway. MPEG streams have no end. */
export async function missingBytes(file: string): Promise<Missing> {
  await using bytes = await ByteWindow.open(file);
  for (const missingIn of [...PROOFS, ...DOUBTS]) {
    const missing = await missingIn(bytes);
    if (missing > 0) return { bytes: missing, isDoubtful: DOUBTS.includes(missingIn) };
  }
  return { bytes: 0, isDoubtful: false };
}
