/** Reads from Cloud Storage, by its client's streams: bounded, stoppable, and never taken for whole by half. */
import type { Readable } from 'node:stream';
import type { Bucket, FileMetadata } from '@google-cloud/storage';
import { unlessAborted } from '../shared/unless-aborted.ts';
import { isBucketMissing, isMissing } from './errors.ts';
import {
  type CallOptions,
  inTime,
  type Limit,
  limitOf,
  type Place,
  type StorageConnection,
} from './storage.ts';

export interface Standing {
  generation: string;
  bytes: number;
  /** Base64; undefined of objects that were composed of others. */
  md5: string | undefined;
  /** Set where what is stored is compressed. */
  contentEncoding: string | undefined;
}

/** Undefined where there is no such object. A missing bucket is an error. */
export async function metadataOf(
  storage: StorageConnection,
  place: Place,
  options: CallOptions = {},
): Promise<Standing | undefined> {
  const ask = async (from: Bucket) => {
    try {
      const [metadata] = await inTime(
        from.file(place.name).getMetadata(),
        storage.limits.callMs,
        options.signal,
      );
      return standing(metadata);
    } catch (error) {
      if (isMissing(error) && !isBucketMissing(error)) return undefined;
      throw error;
    }
  };
  return storage.run(place, ask, options);
}

function standing({ generation, size, md5Hash, contentEncoding }: FileMetadata): Standing {
  return {
    generation: String(generation),
    bytes: Number(size),
    md5: md5Hash,
    contentEncoding: contentEncoding || undefined,
  };
}

export interface Read<T> {
  /** Of the object that was read. */
  generation: string;
  result: T;
}

export interface ReadOptions extends CallOptions {
  /** That one or none; the latest where there is none. */
  generation?: string;
  /** Which checksum the client compares: objects that were composed of others have no md5. */
  checksum?: 'md5' | 'crc32c';
  /** Milliseconds, in place of the connection's. */
  idleMs?: number;
}

/**
 * One GET, as the bytes are stored. `use` must take them to the end, where the checksum is compared; it is called anew at
 * each try. Undefined where there is no such object.
 */
export async function readObject<T>(
  storage: StorageConnection,
  place: Place,
  use: (chunks: AsyncIterable<Buffer>) => Promise<T>,
  options: ReadOptions = {},
): Promise<Read<T> | undefined> {
  const { generation, checksum = 'md5', idleMs = storage.limits.idleMs, signal } = options;
  const get = async (from: Bucket): Promise<Read<T> | undefined> => {
    using idle = limitOf(idleMs, signal);
    const file = from.file(place.name, generation === undefined ? {} : { generation });
    const source = file.createReadStream({ decompress: false, validation: checksum });
    let read = '';
    let isAnswered = false;
    let isLeft = false;
    source.on('response', (response: Readable & { headers: Record<string, string> }) => {
      isAnswered = true;
      // The client now pipes the answer into the stream. Destroyed before that, it throws where nobody can catch it.
      if (isLeft) setImmediate(() => source.destroy());
      read = response.headers['x-goog-generation'] ?? '';
      // The client itself hangs eleven listeners on it, and Node warns of a leak at the eleventh.
      response.setMaxListeners(20);
    });
    // Whoever stops reading does not wait for how the stream ends.
    source.on('error', () => {});
    try {
      return { result: await use(moving(source, idle)), generation: read };
    } catch (error) {
      idle.signal.throwIfAborted();
      if (isMissing(error) && !isBucketMissing(error)) return undefined;
      throw error;
    } finally {
      isLeft = true;
      if (isAnswered) source.destroy();
    }
  };
  return storage.run(place, get, options);
}

/** Ends when the limit fires, whatever the stream does; whoever opened it destroys it. */
async function* moving(source: Readable, { signal, moved }: Limit): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = source.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await unlessAborted(signal, chunks.next());
    if (next.done) return;
    moved();
    yield next.value;
  }
}
