/** Uploads in a bucket, whose lifecycle removes old ones. Callers send them to signed URLs. */
import pLimit from 'p-limit';
import { maskUploadId, UPLOAD_MS, UPLOAD_URL_MS } from '../../model/upload-id.ts';
import type { UploadStore } from '../../ports/uploads.ts';
import { uploadGone } from '../shared/upload-gone.ts';
import type { StorageDownloads } from './downloads.ts';
import { metadataOf } from './read.ts';
import { signedUrl } from './signed-url.ts';
import type { Place, StorageConnection } from './storage.ts';

export interface StorageUploadsOptions {
  storage: StorageConnection;
  bucket: string;
  downloads: StorageDownloads;
}

/** infra/cloud gives it rights and a lifecycle of its own. */
const PREFIX = 'uploads/';
const LOOKUPS_AT_A_TIME = 32;

export function createStorageUploads({ storage, bucket, downloads }: StorageUploadsOptions): UploadStore {
  const lookups = pLimit(LOOKUPS_AT_A_TIME);
  const placeOf = (id: string): Place => ({
    purpose: 'artifacts',
    bucket,
    name: `${PREFIX}${id}`,
    shownAs: maskUploadId(id),
  });

  return {
    async offer({ id, bytes, type }) {
      const expiresAt = new Date(Date.now() + UPLOAD_URL_MS);
      // The server refuses another type, and any other length.
      const headers = { 'content-type': type, 'x-goog-content-length-range': `${bytes},${bytes}` };
      const signing = { method: 'PUT', expiresAt: expiresAt.getTime(), headers } as const;
      return { url: await signedUrl(storage, placeOf(id), signing), headers, expiresAt };
    },

    areThere: (ids) =>
      Promise.all(
        ids.map((id) =>
          lookups(async () => {
            const found = await metadataOf(storage, placeOf(id));
            return found !== undefined && Date.now() - found.storedAt < UPLOAD_MS;
          }),
        ),
      ),

    read(id, file, options) {
      const object = { bucket, object: `${PREFIX}${id}`, shownAs: maskUploadId(id), gone: uploadGone };
      return downloads.get(object, file, options);
    },
  };
}
