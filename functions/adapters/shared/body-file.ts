import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { empty, tooLarge } from './source-answer.ts';

export interface BodyOptions {
  /** The URL, masked, or what else the body is of. */
  where: string;
  maxBytes: number;
  /** What was announced, as far as it was. */
  expected: { bytes?: number | undefined; md5?: string | undefined };
  signal: AbortSignal;
}

/**
 * Stores the body of an answer in a file; on failure there is none. Throws PermanentError where it is empty or too large,
 * and an error with a network code where it is not what was announced.
 */
export async function storeBody(
  body: AsyncIterable<Buffer>,
  file: string,
  { where, maxBytes, expected, signal }: BodyOptions,
): Promise<{ bytes: number; sha256: string }> {
  const sha256 = createHash('sha256');
  const md5 = expected.md5 === undefined ? undefined : createHash('md5');
  let bytes = 0;
  async function* measured(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge(where, maxBytes, 'more');
      sha256.update(chunk);
      md5?.update(chunk);
      yield chunk;
    }
  }
  try {
    await pipeline(body, measured, createWriteStream(file), { signal });
    if (expected.bytes !== undefined && bytes !== expected.bytes) {
      throw broken(`${bytes} of ${expected.bytes} bytes came`);
    }
    if (bytes === 0) throw empty(where);
    if (md5 !== undefined && md5.digest('hex') !== expected.md5)
      throw broken('other bytes came than are there');
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  return { bytes, sha256: sha256.digest('hex') };
}

/** Carries a code, so that it goes through the same gate as what sockets report. */
function broken(message: string): Error {
  return Object.assign(new Error(message), { code: 'ECONNRESET' });
}
