import { rm } from 'node:fs/promises';
import { PermanentError, TransientError } from '../../base/errors.ts';
import type { Download } from '../../model/source.ts';
import type { StorageObject } from '../../model/source-location.ts';
import type { Downloads } from '../../ports.ts';
import { storeBody } from '../shared/body-file.ts';
import { permanent } from '../shared/network-errors.ts';
import { empty, tooLarge } from '../shared/source-answer.ts';
import { storageError } from './errors.ts';
import { metadataOf, readObject, type Standing } from './read.ts';
import type { Place, StorageConnection } from './storage.ts';

/** How long Cloud Storage may take, milliseconds. */
interface Limits {
  /** Between two pieces of the body. */
  idleMs: number;
  /** For all of it. */
  totalMs: number;
}

export interface StorageDownloadsOptions {
  storage: StorageConnection;
  maxBytes: number;
  limits?: Partial<Limits>;
}

export interface StorageDownloads {
  /**
   * prepare: one version of the object into `file`, as it is stored, or `{ modified: false }` where that is the version
   * that the validator names. Rejects with the signal's reason when aborted. PermanentError: trying again is pointless.
   * TransientError: it may help.
   */
  get(object: StorageObject, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
}

/** As of other downloads: below the 600 s after which a push message comes again. */
const LIMITS: Limits = { idleMs: 30_000, totalMs: 540_000 };

/** Reads objects with the service's own account. Does not try again by itself: its stage does. */
export function createStorageDownloads(options: StorageDownloadsOptions): StorageDownloads {
  const { storage, maxBytes } = options;
  const limits = { ...LIMITS, ...options.limits };

  return {
    async get({ bucket, object: name }, file, { validator, signal }) {
      const place: Place = { purpose: 'sources', bucket, name };
      const where = `gs://${bucket}/${name}`;
      const total = AbortSignal.timeout(limits.totalMs);
      const options = { signal: AbortSignal.any([signal, total]), tries: 1 };
      try {
        const standing = await metadataOf(storage, place, options);
        if (!standing) throw missing(where);
        const etag = `"${standing.generation}"`;
        if (validator?.etag === etag) return { modified: false };
        checkObject(standing, where, maxBytes);
        const body = { where, maxBytes, expected: { bytes: standing.bytes }, signal: options.signal };
        const read = await readObject(storage, place, (chunks) => storeBody(chunks, file, body), {
          ...options,
          generation: standing.generation,
          checksum: standing.md5 === undefined ? 'crc32c' : 'md5',
          idleMs: limits.idleMs,
        });
        if (!read) throw replaced(where);
        return { modified: true, ...read.result, validator: { etag } };
      } catch (error) {
        await rm(file, { force: true });
        signal.throwIfAborted();
        throw total.aborted && !PermanentError.is(error)
          ? storageError(timedOut(limits.totalMs, error), 'sources', where)
          : error;
      }
    },
  };
}

/** All that can be known before the first byte. */
function checkObject({ bytes, contentEncoding }: Standing, where: string, maxBytes: number): void {
  // Served as it is stored, it is no media; unpacked by the server, it has neither the size nor the checksum it says.
  if (contentEncoding !== undefined) {
    throw permanent(
      'source_refused',
      `Expected ${where} as it is, got it compressed (${contentEncoding})`,
      'upload media without Content-Encoding (gcloud storage cp without --gzip-local)',
    );
  }
  if (bytes === 0) throw empty(where);
  if (bytes > maxBytes) throw tooLarge(where, maxBytes, `${bytes} bytes`);
}

function missing(where: string): Error {
  return permanent('source_not_found', `Expected an object at ${where}, got none`, 'check the address');
}

/** Between the look and the download; the next try finds the new version. */
function replaced(where: string): TransientError {
  return new TransientError(
    'source_busy',
    `Expected ${where} to stay while it is read, got another version of it.`,
  );
}

function timedOut(totalMs: number, cause: unknown): Error {
  return Object.assign(new Error(`not finished after ${totalMs} ms`, { cause }), { code: 'ETIMEDOUT' });
}
