import { createHash } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type DiskRoom, ENDLESS_ROOM } from './disk-room.ts';
import { LEAST_RATE, type LeastRate, watchRate } from './least-rate.ts';
import { tooSlow } from './network-errors.ts';
import { empty, tooLarge } from './source-answer.ts';

const LEAST_PIECE_BYTES = 16_384;

export interface BodyOptions {
  /** Names the source in messages: the masked URL, or another name. */
  where: string;
  maxBytes: number;
  /** What the server announced, if it did. */
  expected: { bytes?: number | undefined; md5?: string | undefined };
  /** Where room for the file is reserved: all that is announced, otherwise more as bytes arrive. Endless by default. */
  room?: DiskRoom | undefined;
  leastRate?: LeastRate | undefined;
  /** Makes the bytes of the file out of those of the body, if they differ. */
  read?: ((body: AsyncIterable<Buffer>) => AsyncIterable<Buffer>) | undefined;
  signal: AbortSignal;
}

/**
 * Stores a response body in a file. On failure no file is left: to that end, also an abort waits until the file is open.
 * Throws PermanentError if the body is empty or too large, TransientError 'source_slow' or 'disk_full', and an error with a
 * network code if length or MD5 differ from what was announced.
 */
export async function storeBody(
  body: AsyncIterable<Buffer>,
  file: string,
  {
    where,
    maxBytes,
    expected,
    room = ENDLESS_ROOM,
    leastRate = LEAST_RATE,
    read = (bytes) => bytes,
    signal,
  }: BodyOptions,
): Promise<{ bytes: number; sha256: string }> {
  using reserved = await room.reserve(where, expected.bytes);
  using rate = watchRate(leastRate, ({ bytes, ms }) =>
    tooSlow(where, `${bytes} bytes in ${ms / 1000} s, less than ${leastRate.bytesPerSecond} a second`),
  );
  const sha256 = createHash('sha256');
  const md5 = expected.md5 === undefined ? undefined : createHash('md5');
  let bytes = 0;
  async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      rate.count(chunk.length);
      if (bytes > maxBytes) throw tooLarge(where, maxBytes);
      yield chunk;
    }
  }
  async function* measured(chunks: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    for await (const piece of inPieces(counted(chunks))) {
      await reserved.upTo(bytes);
      sha256.update(piece);
      md5?.update(piece);
      yield piece;
      reserved.written(piece.length);
    }
  }
  try {
    // A stream that opens the file itself may do so after it has failed, and would leave an empty file.
    await using handle = await open(file, 'w');
    await pipeline(body, (chunks) => measured(read(chunks)), handle.createWriteStream(), {
      signal: AbortSignal.any([signal, rate.signal]),
    });
    if (expected.bytes !== undefined && bytes !== expected.bytes) {
      throw broken(`only ${bytes} of ${expected.bytes} bytes`);
    }
    if (bytes === 0) throw empty(where);
    if (md5 !== undefined && md5.digest('hex') !== expected.md5)
      throw broken('bytes that do not match the announced MD5');
  } catch (error) {
    await rm(file, { force: true });
    throw rate.signal.aborted ? rate.signal.reason : error;
  }
  return { bytes, sha256: sha256.digest('hex') };
}

/** The other side may send byte by byte. Each piece costs a step of several streams and a write. */
export async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let waiting: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    waiting.push(chunk);
    bytes += chunk.length;
    if (bytes < LEAST_PIECE_BYTES) continue;
    yield waiting.length === 1 ? chunk : Buffer.concat(waiting);
    [waiting, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(waiting);
}

/** Carries a network code, so that it is translated like a socket error. */
function broken(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
