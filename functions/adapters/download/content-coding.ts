/** Content-Encoding, and whether the bytes are what it says. */
import type { IncomingHttpHeaders } from 'node:http';
import { brotliDecompressSync, constants, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { header } from '../shared/source-answer.ts';

/** Of the body, for `isCoded`. */
export const TRIAL_BYTES = 16_384;

const CODING = /\b(gzip|deflate|br|zstd|compress)\b/i;
const MOST_OUTPUT = { maxOutputLength: 2 ** 20 };
/** Accept a beginning: what is not there yet is no error. */
const DECODERS: Readonly<Record<string, (head: Buffer) => Buffer>> = {
  deflate: inflated,
  br: (head) => brotliDecompressSync(head, { ...MOST_OUTPUT, finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: (head) => zstdDecompressSync(head, { ...MOST_OUTPUT, finishFlush: constants.ZSTD_e_flush }),
};
/** How gzip (RFC 1952, 2.3.1) and the compress of Unix begin. */
const MAGIC: Readonly<Record<string, string>> = { gzip: '\x1f\x8b', compress: '\x1f\x9d' };
/** How files begin: RIFF, Matroska, Ogg, FLAC, MP3, AAC, MPEG streams, AIFF, and pictures. */
const MEDIA_STARTS =
  'RIFF,\x1aE\xdf\xa3,OggS,fLaC,ID3,\xff\xfb,\xff\xf3,\xff\xf1,G,\0\0\x01\xba,FORM,\x89PNG,\xff\xd8,GIF8'.split(
    ',',
  );
/** What MP4 and MOV have after four bytes of length. */
const MP4_BOXES = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide'];

/** The compression that the headers name, in lower case; undefined if they name none. */
export function codingOf(headers: IncomingHttpHeaders): string | undefined {
  return CODING.exec(header(headers, 'content-encoding') ?? '')?.[0].toLowerCase();
}

/** Whether a body that begins so is compressed in this way. */
export function isCoded(head: Buffer, coding: string): boolean {
  const magic = MAGIC[coding];
  if (magic !== undefined) return head.toString('latin1', 0, magic.length) === magic;
  try {
    const decoded = DECODERS[coding]?.(head) ?? head;
    if (coding !== 'br') return decoded.length > 0;
    // Brotli has no mark of its own: one file in twelve passes for an empty one, or for a block that is stored as it is.
    const isLong = decoded.length > head.length / 2;
    return isLong && (isMedia(decoded) || !head.includes(decoded.subarray(0, 64)));
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
  }
}

/** Some servers leave out the header of zlib. Without it, almost anything may pass for compressed. */
function inflated(head: Buffer): Buffer {
  const options = { ...MOST_OUTPUT, finishFlush: constants.Z_SYNC_FLUSH };
  try {
    return inflateSync(head, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw error;
    const decoded = isMedia(head) ? Buffer.alloc(0) : inflateRawSync(head, options);
    return isMedia(decoded) ? decoded : Buffer.alloc(0);
  }
}

function isMedia(head: Buffer): boolean {
  const text = head.toString('latin1', 0, 8);
  return MP4_BOXES.includes(text.slice(4)) || MEDIA_STARTS.some((start) => text.startsWith(start));
}
