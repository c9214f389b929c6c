/** The bytes of the file in a body. What they are is decided by the bytes, because headers are often wrong. */
import type { IncomingHttpHeaders } from 'node:http';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { permanent } from '../shared/network-errors.ts';
import { header } from '../shared/source-answer.ts';
import type { Answerer } from './answer.ts';
import { codingOf, isCoded, TRIAL_BYTES } from './content-coding.ts';
import { HEAD_BYTES, textError, textKind } from './text-answer.ts';

type Chunks = AsyncIterable<Buffer>;

/** Of a page, enough to find the field for a password. */
const PAGE_BYTES = 65_536;
/** Of an answer with an error status: it explains the error better, but nothing depends on it. */
const REFUSAL_BYTES = 16_384;
const REFUSAL_MS = 2_000;
const NOTHING = { head: Buffer.alloc(0) };

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
  const type = header(headers, 'content-type') ?? '';
  const kind = textKind(file.head.subarray(0, HEAD_BYTES), type);
  if (kind === undefined) {
    yield* file.all;
    return;
  }
  const page = await startOf(file.all, PAGE_BYTES);
  throw textError(textKind(page.head, type) ?? kind, page.head, answerer);
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
  const { head, all } = await startOf(body, TRIAL_BYTES);
  if (!isCoded(head, coding)) yield* all;
  else if (coding === 'gzip') yield* gunzipped(all, where);
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
