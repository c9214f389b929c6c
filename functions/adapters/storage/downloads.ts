import { rm } from 'node:fs/promises';
import { awakeLimit } from '../../base/awake.ts';
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { Download } from '../../model/source.ts';
import type { StorageObject } from '../../model/source-location.ts';
import type { Downloads } from '../../ports/downloads.ts';
import { type BodyOptions, storeBody } from '../shared/body-file.ts';
import { permanent, tooSlow } from '../shared/network-errors.ts';
import { empty, tooLarge } from '../shared/source-answer.ts';
import { metadataOf, type ObjectState, readObject } from './read.ts';
import type { Place, StorageConnection } from './storage.ts';

/** Milliseconds. */
interface Limits {
  /** Between two pieces of the body. */
  idleMs: number;
  /** For the whole download. */
  totalMs: number;
}

export interface StorageDownloadsOptions extends Pick<BodyOptions, 'room' | 'leastRate'> {
  storage: StorageConnection;
  maxBytes: number;
  limits?: Partial<Limits>;
}

export interface ReadableObject extends StorageObject {
  /** In messages, instead of the address. */
  shownAs?: string;
  /** The error if there is no such object. */
  gone?: (where: string) => PermanentError;
}

export interface StorageDownloads {
  /**
   * prepare: downloads one version of the object into `file`, as it is stored. `{ modified: false }` if the validator
   * names that version. Rejects with the signal's reason when aborted, with a PermanentError if a retry is pointless,
   * and with a TransientError if it may help.
   */
  get(object: ReadableObject, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
}

/** As for other downloads: below the 600 s after which a push message is delivered again. */
const LIMITS: Limits = { idleMs: 30_000, totalMs: 540_000 };

/** Reads objects with the account of the service. */
export function createStorageDownloads(options: StorageDownloadsOptions): StorageDownloads {
  const { storage, maxBytes, room, leastRate } = options;
  const limits = { ...LIMITS, ...options.limits };

  return {
    async get({ bucket, object: name, shownAs, gone = missing }, file, { validator, signal }) {
      const place: Place = { purpose: 'sources', bucket, name, shownAs };
      const where = shownAs ?? `gs://${bucket}/${name}`;
      using total = awakeLimit(limits.totalMs);
      const options = { signal: AbortSignal.any([signal, total.signal]) };
      try {
        const current = await metadataOf(storage, place, options);
        if (!current) throw gone(where);
        const etag = `"${current.generation}"`;
        if (validator?.etag === etag) return { modified: false };
        checkObject(current, where, maxBytes);
        const body = { where, maxBytes, expected: { bytes: current.bytes }, room, leastRate, ...options };
        const read = await readObject(storage, place, (chunks) => storeBody(chunks, file, body), {
          ...options,
          generation: current.generation,
          checksum: current.md5 === undefined ? 'crc32c' : 'md5',
          idleMs: limits.idleMs,
        });
        if (!read) throw replaced(where);
        return { modified: true, ...read.result, validator: { etag } };
      } catch (error) {
        await rm(file, { force: true });
        signal.throwIfAborted();
        throw total.signal.aborted && !PermanentError.is(error)
          ? tooSlow(where, `not finished after ${limits.totalMs} ms`, { cause: error })
          : error;
      }
    },
  };
}

/** Checks the metadata, before any bytes are read. */
function checkObject({ bytes, contentEncoding }: ObjectState, where: string, maxBytes: number): void {
  // As stored, it is not media. Decompressed by the server, it does not match the size and checksum in the metadata.
  if (contentEncoding !== undefined) {
    throw permanent(
      'source_refused',
      `Expected ${where} to be stored uncompressed, got Content-Encoding ${contentEncoding}`,
      'upload media without Content-Encoding (gcloud storage cp without --gzip-local)',
    );
  }
  if (bytes === 0) throw empty(where);
  if (bytes > maxBytes) throw tooLarge(where, maxBytes, bytes);
}

function missing(where: string): PermanentError {
  return permanent('source_not_found', `Expected an object at ${where}, got none`, 'check the address');
}

/** Between reading the metadata and the download. The next try finds the new version. */
function replaced(where: string): TransientError {
  return new TransientError(
    'source_busy',
    `Expected ${where} not to change during the download, got another version of it.`,
  );
}
