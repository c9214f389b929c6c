/** Reads from Cloud Storage with its client's streams: within time limits, abortable, and never half a file for a whole. */
import type { Readable } from 'node:stream';
import type { Bucket, FileMetadata } from '@google-cloud/storage';
import { inTime, type TimeLimit, timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { isBucketMissing, isMissing } from './errors.ts';
import { type CallOptions, type Place, type StorageConnection, silent } from './storage.ts';

export interface Standing {
  generation: string;
  bytes: number;
  /** Base64; undefined for objects that were composed of others. */
  md5: string | undefined;
  /** Set if the object is stored compressed. */
  contentEncoding: string | undefined;
}

/** Undefined if there is no such object. A missing bucket is an error. */
export async function metadataOf(
  storage: StorageConnection,
  place: Place,
  options: CallOptions = {},
): Promise<Standing | undefined> {
  const ask = async (from: Bucket) => {
    try {
      const { callMs } = storage.limits;
      const asked = from.file(place.name).getMetadata();
      const [metadata] = await inTime(asked, callMs, () => silent(callMs), options.signal);
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
  /** The version that was read. */
  generation: string;
  result: T;
}

export interface ReadOptions extends CallOptions {
  /** The only version to read. Undefined: the latest. */
  generation?: string;
  /** The checksum that the client compares: objects that were composed of others have no MD5. */
  checksum?: 'md5' | 'crc32c';
  /** Milliseconds, instead of the connection's. */
  idleMs?: number;
}

/**
 * One GET of the bytes as they are stored. `use` must read them to the end, where the checksum is compared. Undefined if
 * there is no such object.
 */
export async function readObject<T>(
  storage: StorageConnection,
  place: Place,
  use: (chunks: AsyncIterable<Buffer>) => Promise<T>,
  options: ReadOptions = {},
): Promise<Read<T> | undefined> {
  const { generation, checksum = 'md5', idleMs = storage.limits.idleMs, signal } = options;
  const get = async (from: Bucket): Promise<Read<T> | undefined> => {
    using idle = timeLimit(idleMs, () => silent(idleMs), signal);
    const file = from.file(place.name, generation === undefined ? {} : { generation });
    const source = file.createReadStream({ decompress: false, validation: checksum });
    let read = '';
    let isAnswered = false;
    let isLeft = false;
    source.on('response', (response: Readable & { headers: Record<string, string> }) => {
      isAnswered = true;
      // Destroyed only after the client has piped the answer into the stream, which otherwise throws uncaught.
      if (isLeft) setImmediate(() => source.destroy());
      read = response.headers['x-goog-generation'] ?? '';
      // The client adds eleven listeners, and Node warns of a leak at the eleventh.
      response.setMaxListeners(20);
    });
    // A reader that has stopped does not hear how the stream ends.
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

/** Ends when the limit fires, whatever the stream does, and leaves destroying it to its opener. */
async function* moving(source: Readable, { signal, restart }: TimeLimit): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = source.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await unlessAborted(signal, chunks.next());
    if (next.done) return;
    restart();
    yield next.value;
  }
}
