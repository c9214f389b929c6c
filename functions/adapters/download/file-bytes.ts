/** The bytes of the file in a body. What they are is decided by the bytes, because headers are often wrong. */
import type { IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { permanent } from '../shared/network-errors.ts';
import { header } from '../shared/source-answer.ts';
import type { Answerer } from './answer.ts';
import { HEAD_BYTES, textError, textKind } from './text-answer.ts';

type Chunks = AsyncIterable<Buffer>;

/** Of a page, enough to find the field for a password. */
const PAGE_BYTES = 65_536;
/** Of an answer with an error status: it explains the error better, but nothing depends on it. */
const REFUSAL_BYTES = 16_384;
const REFUSAL_MS = 2_000;
const NOTHING = { head: Buffer.alloc(0) };
const COMPRESSED = /\b(gzip|deflate|br|zstd|compress)\b/i;
/** How files begin: RIFF, Matroska, Ogg, FLAC, MP3, AAC, MPEG streams, AIFF, and pictures. */
const MEDIA_STARTS =
  'RIFF,\x1aE\xdf\xa3,OggS,fLaC,ID3,\xff\xfb,\xff\xf3,\xff\xf1,G,\0\0\x01\xba,FORM,\x89PNG,\xff\xd8,GIF8'.split(
    ',',
  );
/** What MP4 and MOV have after four bytes of length. */
const MP4_BOXES = ['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide'];

/**
 * Passes the file on, without a compression that the headers name and the bytes have.
 * @throws PermanentError if it is a text instead of media, or compressed in a way that is not read
 */
export async function* fileBytes(
  body: Chunks,
  headers: IncomingHttpHeaders,
  answerer: Answerer,
): AsyncGenerator<Buffer> {
  const coding = codingOf(headers);
  const bytes = coding === undefined ? body : uncompressed(body, coding, answerer.where);
  const file = await startOf(bytes, HEAD_BYTES);
  const kind = textKind(file.head, header(headers, 'content-type') ?? '');
  if (kind === undefined) {
    yield* file.all;
    return;
  }
  const page = await startOf(file.all, PAGE_BYTES);
  throw textError(kind, page.head, answerer);
}

/** The text of a refusal, as far as it arrives soon; empty if it is none. */
export async function refusalText(body: Chunks, signal: AbortSignal): Promise<string> {
  using soon = timeLimit(REFUSAL_MS, () => new Error('late'), signal);
  const { head } = await unlessAborted(soon.signal, startOf(body, REFUSAL_BYTES)).catch(() => NOTHING);
  signal.throwIfAborted();
  return head.toString('latin1', 0, REFUSAL_BYTES);
}

/** Whether the length of the file is not the one that the headers announce. */
export function isCompressed(headers: IncomingHttpHeaders): boolean {
  return codingOf(headers) !== undefined;
}

/** Nobody asked for compression, but some servers have stored the file so. Browsers decompress it. */
async function* uncompressed(body: Chunks, coding: string, where: string): AsyncGenerator<Buffer> {
  const { head, all } = await startOf(body, HEAD_BYTES);
  if (/gzip/i.test(coding)) {
    // Its first two bytes (RFC 1952, 2.3.1). Without them the header is wrong.
    if (head[0] === 0x1f && head[1] === 0x8b) yield* gunzipped(all, where);
    else yield* all;
  } else if (isMedia(head)) yield* all;
  else {
    throw permanent(
      'source_refused',
      `Expected ${where} without compression, got Content-Encoding ${coding}`,
      'configure the server to send media without Content-Encoding',
    );
  }
}

async function* gunzipped(compressed: Chunks, where: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // Its error comes out of the loop.
  pipeline(compressed, gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    if (!/^Z_/.test((error as NodeJS.ErrnoException).code ?? '')) throw error;
    throw permanent(
      'source_refused',
      `Expected ${where} compressed with gzip, as its Content-Encoding says, got damaged bytes`,
      'upload the file again, or send it without Content-Encoding',
    );
  }
}

function isMedia(head: Buffer): boolean {
  const text = head.toString('latin1', 0, 8);
  return MP4_BOXES.includes(text.slice(4)) || MEDIA_STARTS.some((start) => text.startsWith(start));
}

function codingOf(headers: IncomingHttpHeaders): string | undefined {
  return COMPRESSED.exec(header(headers, 'content-encoding') ?? '')?.[0];
}

/** The first bytes, at least so many unless there are fewer, and all of them. */
async function startOf(chunks: Chunks, least: number) {
  const rest = chunks[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  let bytes = 0;
  while (bytes < least) {
    const { value, done } = await rest.next();
    if (done) break;
    first.push(value);
    bytes += value.length;
  }
  const head = Buffer.concat(first);
  async function* all(): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head;
      for (;;) {
        const { value, done } = await rest.next();
        if (done) return;
        yield value;
      }
    } finally {
      await rest.return?.();
    }
  }
  return { head, all: all() };
}
