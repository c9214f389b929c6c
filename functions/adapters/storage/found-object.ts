/** Reads saved files, and lends addresses for them. */
import { basename } from 'node:path';
import { inlineAs } from '../../base/content-disposition.ts';
import type { FoundFile } from '../../ports/outputs.ts';
import { changedFile } from '../shared/changed-file.ts';
import { metadataOf, objectBytes } from './read.ts';
import { signedUrl } from './signed-url.ts';
import type { Place, StorageConnection } from './storage.ts';

/** Long enough to watch a video and jump in it; then the player asks us again. */
const LINK_MS = 15 * 60_000;

/** Undefined if there is no such object. */
export async function findObject(
  storage: StorageConnection,
  place: Place,
  contentType: string,
  signal: AbortSignal,
): Promise<FoundFile | undefined> {
  const found = await metadataOf(storage, place, { signal });
  if (found === undefined) return undefined;
  const { bytes, generation, storedAt } = found;
  const fileName = basename(place.name);
  return {
    bytes,
    version: generation,
    modifiedAt: storedAt,
    async *read({ signal, from = 0, to = bytes - 1 }) {
      if (bytes === 0) return;
      let isThere = false;
      for await (const chunk of objectBytes(storage, place, { generation, from, to, signal })) {
        isThere = true;
        yield chunk;
      }
      if (!isThere) throw changedFile(fileName);
    },
    link: (signal) =>
      signedUrl(storage, place, {
        method: 'GET',
        expiresAt: Date.now() + LINK_MS,
        query: {
          'response-content-type': contentType,
          'response-content-disposition': inlineAs(fileName),
        },
        signal,
      }),
  };
}
