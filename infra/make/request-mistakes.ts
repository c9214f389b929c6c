/** What the service would refuse, said without one. */
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RequestError } from '../../functions/base/errors.ts';
import { MAX_BODY_BYTES } from '../../functions/http/json-body.ts';
import { clipName } from '../../functions/model/clip-name.ts';
import { uploadId } from '../../functions/model/upload-id.ts';
import { mistakeLines } from './explained.ts';
import type { LocalFile } from './local-files.ts';
import { mapSources } from './source-fields.ts';

type Json = Record<string, unknown>;

const KB = 1024;
const ANY_ID = '0'.repeat(32);
/** https://www.rfc-editor.org/rfc/rfc2606#section-2 */
const SOMEWHERE = 'https://not-uploaded.invalid';
/** What can be judged as it is. */
const PLACED = /^(https?|upload):/i;
/** Settings of the service, which it alone knows. */
const NO_LIMITS = { combinations: Number.MAX_SAFE_INTEGER, sources: { buckets: [], ownBuckets: [] } };

/** The request with the names of uploads, if that is more than the service takes. */
export function oversizeMistake(request: Json, files: ReadonlyMap<string, LocalFile>): string | undefined {
  const sent = mapSources(request, (url) => {
    const file = files.get(url);
    return { url: file === undefined ? url : `upload:${uploadId(ANY_ID, basename(file.path))}` };
  });
  const bytes = Buffer.byteLength(JSON.stringify(sent));
  if (bytes <= MAX_BODY_BYTES) return undefined;
  return (
    `expected a request of at most ${MAX_BODY_BYTES / KB} KB, got ${Math.ceil(bytes / KB)} KB with all its clips and lines. ` +
    'Make several of it, with fewer or shorter lines or fewer clips.'
  );
}

/** Each as a line, wherever its sources are. */
export async function requestMistakes({
  request,
  target,
}: {
  request: Json;
  target: string;
}): Promise<string[]> {
  // Takes a while to load, and is for requests that are refused.
  const { readRequest } = await import('../../functions/model/request.ts');
  // With the names of the clips, because rules name them.
  const placed = mapSources(request, (url) => ({
    url: PLACED.test(url) ? url : `${SOMEWHERE}/${nameAt(url)}`,
  }));
  try {
    readRequest(placed, NO_LIMITS);
    return [];
  } catch (error) {
    if (!RequestError.is(error)) throw error;
    return mistakeLines(error.mistakes, { request, target });
  }
}

/** What the service would call the file there, as part of a URL. */
function nameAt(url: string): string {
  return encodeURIComponent(clipName(basename(url.startsWith('file:') ? fileURLToPath(url) : url)));
}
