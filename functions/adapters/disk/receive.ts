/** Stores the body of a request in a file, whole or not at all. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { CLOSE_CONNECTION } from '../../base/close-connection.ts';
import { RequestError, TransientError } from '../../base/errors.ts';
import { unlessAborted } from '../../base/time-limit.ts';
import type { SentFile } from '../../ports/uploads.ts';
import { inPieces } from '../shared/body-file.ts';
import type { DiskRoom } from '../shared/disk-room.ts';
import { type LeastRate, watchRate } from '../shared/least-rate.ts';

export interface WholeFile {
  /** Names the file in messages. */
  where: string;
  /** The exact length. */
  bytes: number;
  room: DiskRoom;
  leastRate: LeastRate;
}

/**
 * Resolves with their SHA-256 in hex. Once it does, the bytes survive a power cut. On failure a part of the file may remain,
 * to which nothing is written any more. Rejects with RequestError 'upload_mismatch' for another length, 'request_timeout' if the caller is too slow or gone,
 * and with TransientError 'disk_full'.
 */
export async function storeWhole(
  file: string,
  { body, signal }: Pick<SentFile, 'body' | 'signal'>,
  { where, bytes, room, leastRate }: WholeFile,
): Promise<string> {
  const hash = createHash('sha256');
  using reserved = await room.reserve(where, bytes);
  using rate = watchRate(
    leastRate,
    () => new TransientError('source_slow', 'The caller sends next to nothing.'),
  );
  let arrived = 0;
  async function* arriving(): AsyncGenerator<Uint8Array> {
    const stop = AbortSignal.any([signal, rate.signal]);
    const chunks = body[Symbol.asyncIterator]();
    for (;;) {
      const next = await unlessAborted(stop, chunks.next()).catch((error: unknown) => {
        throw rate.signal.aborted ? tooSlow(leastRate, error) : lost(error);
      });
      if (next.done) return;
      arrived += next.value.byteLength;
      if (arrived > bytes) throw otherLength(bytes, 'more');
      rate.count(next.value.byteLength);
      yield next.value;
    }
  }
  await using handle = await open(file, 'wx');
  for await (const piece of inPieces(arriving())) {
    await reserved.upTo(arrived);
    await handle.appendFile(piece);
    hash.update(piece);
    reserved.written(piece.byteLength);
  }
  if (arrived !== bytes) throw otherLength(bytes, `${arrived}`);
  await handle.sync();
  return hash.digest('hex');
}

export function otherFile(detail: string): RequestError {
  return new RequestError('upload_mismatch', detail, { headers: CLOSE_CONNECTION });
}

export function otherLength(bytes: number, got: string): RequestError {
  return otherFile(`Expected ${bytes} bytes, as announced, got ${got}. Nothing was kept.`);
}

export function otherBytes(): RequestError {
  return new RequestError(
    'upload_mismatch',
    'Expected the file that was sent there before, got another one. Nothing was changed.',
    { hint: 'Ask for a new upload_url with POST /uploads for each file.' },
  );
}

function tooSlow({ bytesPerSecond, windowMs }: LeastRate, cause: unknown): RequestError {
  const [least, seconds] = [bytesPerSecond / 1024, windowMs / 1000];
  return new RequestError(
    'request_timeout',
    `Expected ${least} KB or more a second, got less for ${seconds} s. Nothing was kept.`,
    {
      cause,
      hint: 'Send the whole file again; over a slow line, send fewer files at a time.',
      headers: CLOSE_CONNECTION,
    },
  );
}

/** The caller does not read this, but any other error would be logged as a failure of the service. */
function lost(cause: unknown): RequestError {
  return new RequestError('request_timeout', 'Expected the whole file, got a lost connection.', {
    cause,
    hint: 'Send the whole file again.',
  });
}
