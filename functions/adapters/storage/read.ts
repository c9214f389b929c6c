/**
 * Reads from Cloud Storage with its client's streams: with time limits, abortable, and never returning partial files.
 */
import type { Readable } from 'node:stream';
import type { Bucket, CreateReadStreamOptions, File, FileMetadata } from '@google-cloud/storage';
import { inTime, type TimeLimit, timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { isBucketMissing, isMissing, storageError } from './errors.ts';
import { type CallOptions, noData, type Place, type StorageConnection } from './storage.ts';

export interface ObjectState {
  generation: string;
  bytes: number;
  /** Base64; undefined for objects that were composed of others. */
  md5: string | undefined;
  /** Set if the object is stored compressed. */
  contentEncoding: string | undefined;
  /** Undefined if it was stored without one. */
  owner: string | undefined;
  /** Milliseconds since the epoch. */
  storedAt: number;
}

/** Undefined if there is no such object. A missing bucket is an error. */
export async function metadataOf(
  storage: StorageConnection,
  place: Place,
  options: CallOptions = {},
): Promise<ObjectState | undefined> {
  const ask = async (from: Bucket) => {
    try {
      const { callMs } = storage.limits;
      const asked = from.file(place.name).getMetadata();
      const [metadata] = await inTime(asked, callMs, () => noData(callMs), options.signal);
      return stateOf(metadata);
    } catch (error) {
      if (isMissing(error) && !isBucketMissing(error)) return undefined;
      throw error;
    }
  };
  return storage.run(place, ask, options);
}

function stateOf({
  generation,
  size,
  md5Hash,
  contentEncoding,
  metadata,
  timeCreated,
}: FileMetadata): ObjectState {
  return {
    generation: String(generation),
    bytes: Number(size),
    md5: md5Hash,
    contentEncoding: contentEncoding || undefined,
    owner: metadata?.['owner'] == null ? undefined : String(metadata['owner']),
    storedAt: Date.parse(timeCreated ?? ''),
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
 * One GET of the bytes as stored. `use` must read them to the end, because the checksum is compared there. Undefined if
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
    using idle = timeLimit(idleMs, () => noData(idleMs), signal);
    const file = from.file(place.name, generation === undefined ? {} : { generation });
    using opened = openObject(file, { validation: checksum });
    try {
      return { result: await use(moving(opened.source, idle)), generation: opened.generation };
    } catch (error) {
      idle.signal.throwIfAborted();
      if (isMissing(error) && !isBucketMissing(error)) return undefined;
      throw error;
    }
  };
  return storage.run(place, get, options);
}

interface OpenObject extends Disposable {
  source: Readable;
  /** The version that is read; '' before the answer. */
  readonly generation: string;
}

/** The client's stream of an object as stored, ended when it is disposed of. */
function openObject(file: File, options: CreateReadStreamOptions): OpenObject {
  const source = file.createReadStream({ decompress: false, ...options });
  let generation = '';
  let isAnswered = false;
  let isLeft = false;
  source.on('response', (response: Readable & { headers: Record<string, string> }) => {
    isAnswered = true;
    // Destroyed only after the client has piped the answer into the stream, which otherwise throws uncaught.
    if (isLeft) setImmediate(() => source.destroy());
    generation = response.headers['x-goog-generation'] ?? '';
    // The client adds eleven listeners, and Node warns of a leak at the eleventh.
    response.setMaxListeners(20);
  });
  // Once reading has stopped, an error of the stream has no other handler.
  source.on('error', () => {});
  return {
    source,
    get generation() {
      return generation;
    },
    [Symbol.dispose]() {
      isLeft = true;
      if (isAnswered) source.destroy();
    },
  };
}

export interface Piece {
  generation: string;
  /** Inclusive. */
  from: number;
  to: number;
  signal: AbortSignal;
}

/**
 * Bytes of an object for a reader who may be slow: only the server's pauses are limited. Without the object in
 * that generation, it ends before the first byte.
 */
export async function* objectBytes(
  storage: StorageConnection,
  place: Place,
  { generation, from, to, signal }: Piece,
): AsyncGenerator<Buffer> {
  const { idleMs } = storage.limits;
  const open = async (bucket: Bucket) =>
    openObject(bucket.file(place.name, { generation }), { start: from, end: to, validation: false });
  using opened = await storage.run(place, open, { signal });
  const leave = () => opened[Symbol.dispose]();
  signal.addEventListener('abort', leave, { once: true });
  const chunks: AsyncIterator<Buffer> = opened.source.iterator({ destroyOnReturn: false });
  try {
    for (;;) {
      const next = await inTime(chunks.next(), idleMs, () => noData(idleMs), signal);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isMissing(error) && !isBucketMissing(error)) return;
    throw storageError(error, place.purpose, `gs://${place.bucket}/${place.name}`);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Ends when the limit fires, even if the stream does not react. The opener of the stream destroys it. */
async function* moving(source: Readable, { signal, restart }: TimeLimit): AsyncGenerator<Buffer> {
  const chunks: AsyncIterator<Buffer> = source.iterator({ destroyOnReturn: false });
  for (;;) {
    const next = await unlessAborted(signal, chunks.next());
    if (next.done) return;
    restart();
    yield next.value;
  }
}
