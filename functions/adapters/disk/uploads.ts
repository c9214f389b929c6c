/**
 * Uploads in a folder, each in a file named by its id. Nothing is stored before a file has arrived: its upload URL says what
 * was announced, sealed.
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { CLOSE_CONNECTION } from '../../base/close-connection.ts';
import { RequestError } from '../../base/errors.ts';
import { sameSecret } from '../../base/same-secret.ts';
import { maskUploadId, UPLOAD_MS, UPLOAD_URL_MS } from '../../model/upload-id.ts';
import type { Seal } from '../../ports/seal.ts';
import type { SentFile, UploadReceiver, UploadStore } from '../../ports/uploads.ts';
import { storeBody } from '../shared/body-file.ts';
import { type DiskRoom, ENDLESS_ROOM } from '../shared/disk-room.ts';
import { checksum, makeFolder, syncFolder, systemCode } from '../shared/files.ts';
import { LEAST_RATE, type LeastRate } from '../shared/least-rate.ts';
import { uploadGone } from '../shared/upload-gone.ts';
import { otherBytes, otherFile, otherLength, storeWhole } from './receive.ts';

export interface DiskUploadsOptions {
  dir: string;
  /** Makes the signatures of upload URLs. */
  seal: Pick<Seal, 'of'>;
  /** MAX_SOURCE_MB, in bytes. */
  maxBytes: number;
  room?: DiskRoom;
  leastRate?: LeastRate;
}

export interface DiskUploads extends UploadStore {
  receiver: UploadReceiver;
  /** Removes what is older than any task may need, and unfinished files that nobody sends any more. Returns how many. */
  removeOld(): Promise<number>;
}

/** What a query says that an upload URL is for. */
interface Announced {
  bytes: number;
  type: string;
  /** Seconds since the epoch. */
  expires: number;
}

/** Unfinished files. */
export const PART = /^\.[0-9a-f]{32}\.[0-9a-f-]{36}\.part$/;
/** A task that was accepted on the last day still has a day to prepare its sources. */
const REMOVED_AFTER_MS = UPLOAD_MS + 24 * 3_600_000;
/** No upload goes on without a byte for so long. */
const PART_REMOVED_AFTER_MS = 3_600_000;
const LOOKUPS_AT_A_TIME = 32;

export function createDiskUploads(options: DiskUploadsOptions): DiskUploads {
  const { dir, seal, maxBytes, room = ENDLESS_ROOM, leastRate = LEAST_RATE } = options;
  const lookups = pLimit(LOOKUPS_AT_A_TIME);
  /** One after the other, so that of two files for one id only the first stays. */
  const naming = pLimit(1);
  const signatureOf = (id: string, { bytes, type, expires }: Announced) =>
    seal.of(`upload/${id}`, JSON.stringify([bytes, type, expires]));
  const isOurs = (id: string, query: URLSearchParams) =>
    sameSecret(signatureOf(id, announcedIn(query)), query.get('signature') ?? '');

  return {
    async offer({ id, bytes, type, base }) {
      const expires = Math.floor((Date.now() + UPLOAD_URL_MS) / 1000);
      const signature = signatureOf(id, { bytes, type, expires });
      const query = new URLSearchParams({ bytes: `${bytes}`, type, expires: `${expires}`, signature });
      return {
        url: `${base}/uploads/${encodeURIComponent(id)}?${query}`,
        headers: { 'content-type': type },
        expiresAt: new Date(expires * 1000),
      };
    },

    areThere: (ids) =>
      Promise.all(
        ids.map((id) =>
          lookups(async () => {
            const age = await ageOf(join(dir, id), Date.now());
            return age !== undefined && age < UPLOAD_MS;
          }),
        ),
      ),

    async read(id, file, { validator, signal }) {
      const where = maskUploadId(id);
      await using handle = await open(join(dir, id)).catch((error: unknown) => {
        throw systemCode(error) === 'ENOENT' ? uploadGone(where) : error;
      });
      const { size, ino, mtimeNs } = await handle.stat({ bigint: true });
      const etag = `"${ino.toString(36)}-${mtimeNs.toString(36)}"`;
      if (validator?.etag === etag) return { modified: false };
      const stored = await storeBody(handle.createReadStream({ autoClose: false }), file, {
        where,
        maxBytes,
        expected: { bytes: Number(size) },
        room,
        signal,
      });
      return { modified: true, ...stored, validator: { etag } };
    },

    receiver: {
      isOurs,

      async receive(id, query, sent) {
        if (!isOurs(id, query)) throw forbidden('got another one');
        const { bytes, type, expires } = announcedIn(query);
        if (expires * 1000 <= Date.now()) {
          throw forbidden(`got one that expired on ${new Date(expires * 1000).toISOString()}`);
        }
        checkAnnouncement(sent, { bytes, type });
        await makeFolder(dir);
        const part = join(dir, `.${id.slice(0, 32)}.${randomUUID()}.part`);
        try {
          const sum = await storeWhole(part, sent, { where: maskUploadId(id), bytes, room, leastRate });
          const file = join(dir, id);
          const isNew = await naming(() => renameNew(part, file));
          if (!isNew && (await checksum(file)) !== sum) throw otherBytes();
          // Also if it was there: the process that gave it its name may have died before it did this.
          await syncFolder(dir);
        } finally {
          await rm(part, { force: true });
        }
      },
    },

    async removeOld() {
      let removed = 0;
      for (const name of await readdir(dir).catch(() => [])) {
        const age = (await ageOf(join(dir, name), Date.now())) ?? 0;
        if (age < (PART.test(name) ? PART_REMOVED_AFTER_MS : REMOVED_AFTER_MS)) continue;
        await rm(join(dir, name), { force: true });
        removed += 1;
      }
      return removed;
    },
  };
}

/** False if there is such a file already: what a task has been promised never changes. */
async function renameNew(from: string, to: string): Promise<boolean> {
  if ((await ageOf(to, 0)) !== undefined) return false;
  await rename(from, to);
  return true;
}

/** Milliseconds since the file was complete; undefined if there is none. */
async function ageOf(file: string, now: number): Promise<number | undefined> {
  try {
    return now - (await stat(file)).mtimeMs;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function announcedIn(query: URLSearchParams): Announced {
  return {
    bytes: Number(query.get('bytes')),
    type: query.get('type') ?? '',
    expires: Number(query.get('expires')),
  };
}

function checkAnnouncement({ type, bytes }: SentFile, announced: Pick<Announced, 'bytes' | 'type'>): void {
  if (type?.toLowerCase() !== announced.type.toLowerCase()) {
    const got = type === null ? 'none' : JSON.stringify(type.slice(0, 100));
    throw otherFile(`Expected Content-Type: ${announced.type}, as announced, got ${got}.`);
  }
  if (bytes !== undefined && bytes !== announced.bytes) throw otherLength(announced.bytes, `${bytes}`);
}

function forbidden(got: string): RequestError {
  return new RequestError('upload_forbidden', `Expected an upload_url that POST /uploads gave, ${got}.`, {
    headers: CLOSE_CONNECTION,
  });
}
