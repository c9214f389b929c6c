import { randomBytes } from 'node:crypto';
import { CLOSE_CONNECTION } from '../base/close-connection.ts';
import { type Mistake, RequestError } from '../base/errors.ts';
import type { Upload } from '../model/answers/upload.ts';
import { readUpload } from '../model/upload.ts';
import { maskUploadId, UPLOAD_DAYS, uploadId } from '../model/upload-id.ts';
import type { UploadStore } from '../ports/uploads.ts';
import { readJson } from './json-body.ts';
import type { Call } from './route.ts';

export interface UploadsDeps {
  uploads: UploadStore;
  /** MAX_SOURCE_MB, in bytes. */
  maxUploadBytes: number;
}

/** POST /uploads: says how to send a file. */
export async function offerUpload(
  { request, base }: Call,
  { uploads, maxUploadBytes }: UploadsDeps,
): Promise<Response> {
  const { name, bytes, type } = readUpload(await readJson(request), maxUploadBytes);
  const id = uploadId(randomBytes(16).toString('hex'), name);
  const { url, headers, expiresAt } = await uploads.offer({ id, bytes, type, base });
  const answer: Upload = {
    url: `upload:${id}`,
    upload_url: url,
    method: 'PUT',
    headers: { ...headers },
    expires_at: expiresAt.toISOString(),
  };
  return Response.json(answer, { status: 201 });
}

/**
 * Of a PUT that says that it is to a URL which this service gave: then that decides, and not the API key. Whoever got a URL
 * wrong is told so. That gives nothing away, as everybody knows the path.
 */
export function uploadPermission(
  { query }: Pick<Call, 'query'>,
  { uploads }: UploadsDeps,
): { countedAs: 'upload' } | undefined {
  return uploads.receiver !== undefined && query.has('signature') ? { countedAs: 'upload' } : undefined;
}

/** PUT /uploads/{upload_id}: takes the file. */
export async function receiveUpload(
  { request, path, query }: Call,
  { uploads: { receiver } }: UploadsDeps,
): Promise<Response> {
  if (receiver === undefined) {
    throw new RequestError(
      'upload_forbidden',
      'Expected the file at the upload_url that POST /uploads gave, which is in Cloud Storage, got it here.',
      { headers: CLOSE_CONNECTION },
    );
  }
  const { headers, body, signal } = request;
  checkWhole(headers);
  const length = headers.get('content-length');
  await receiver.receive(idIn(path), query, {
    type: headers.get('content-type'),
    bytes: length === null ? undefined : Number(length),
    // Without a cancel, which would end the connection before the answer is sent.
    body: body?.values({ preventCancel: true }) ?? emptyBody(),
    signal,
  });
  return new Response(null, { status: 204 });
}

/** Throws RequestError for a file that is compressed on the way, and for a part: RFC 9110, section 14.5. */
function checkWhole(headers: Headers): void {
  const coding = headers.get('content-encoding') ?? 'identity';
  if (coding.toLowerCase() !== 'identity') {
    const got = JSON.stringify(coding.slice(0, 20));
    throw new RequestError(
      'unsupported_media_type',
      `Expected the file as it is, got Content-Encoding ${got}.`,
      {
        headers: CLOSE_CONNECTION,
      },
    );
  }
  if (headers.has('content-range')) {
    throw new RequestError('partial_upload', 'Expected the whole file, got a Content-Range.', {
      headers: CLOSE_CONNECTION,
    });
  }
}

/** One mistake for each mention of an upload that cannot be used. */
export async function uploadMistakes(
  mentions: readonly { pointer: string; id: string }[],
  uploads: UploadStore,
): Promise<Mistake[]> {
  if (mentions.length === 0) return [];
  const ids = [...new Set(mentions.map(({ id }) => id))];
  const found = await uploads.areThere(ids);
  const missing = new Set(ids.filter((_, at) => found[at] !== true));
  return mentions
    .filter(({ id }) => missing.has(id))
    .map(({ pointer, id }) => ({
      pointer,
      code: 'invalid_url' as const,
      message:
        `Expected an upload that is complete and at most ${UPLOAD_DAYS} days old, got none as ${maskUploadId(id)}. ` +
        'Send its file to its upload_url, or make a new one with POST /uploads.',
    }));
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

/** '' if it cannot be decoded. */
function idIn(path: Call['path']): string {
  try {
    return decodeURIComponent(path['upload_id'] as string);
  } catch {
    return '';
  }
}
