/** Reads JSON bodies within limits of size and time, and writes problem documents. */
import { CLOSE_CONNECTION } from '../base/close-connection.ts';
import { CODES, type RequestCode } from '../base/codes.ts';
import { RequestError } from '../base/errors.ts';
import { inTime } from '../base/time-limit.ts';

/** Largest request body: enough for a thousand signed URLs. */
export const MAX_BODY_BYTES = 256 * 1024;
/** Each piece takes a tenth of a millisecond, however small it is. */
const FREE_PIECES = 1_000;
const LEAST_PIECE_BYTES = 64;
/** For reading the whole body; the largest one needs 13 KB/s. */
const BODY_LIMIT_MS = 20_000;

/** The parsed body of a request that is declared as JSON. Throws RequestError: 415, 413, 408, 400. */
export async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/([\w.+-]+\+)?json\s*(;|$)/i.test(type)) {
    throw new RequestError(
      'unsupported_media_type',
      `Expected Content-Type: application/json, got ${type === '' ? 'none' : JSON.stringify(type.slice(0, 60))}.`,
    );
  }
  const encoding = request.headers.get('content-encoding') ?? 'identity';
  const charset = /charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1] ?? 'utf-8';
  if (encoding !== 'identity' || !/^utf-?8$/i.test(charset)) {
    throw new RequestError(
      'unsupported_media_type',
      `Expected an uncompressed body in UTF-8, got encoding ${encoding.slice(0, 20)}, charset ${charset.slice(0, 20)}.`,
    );
  }
  return await parseJson(request);
}

/** The parsed body, whatever its content type. Throws RequestError: 413, 408, 400. */
export async function parseJson(request: Request, limitMs = BODY_LIMIT_MS): Promise<unknown> {
  // What still arrives later goes with its connection.
  const bytes = await inTime(boundedBody(request), limitMs, () => tooSlow(limitMs));
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new RequestError('not_json', 'Expected JSON encoded as UTF-8, got bytes that are not UTF-8.', {
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RequestError('not_json', syntaxDetail(text, cause), { cause });
  }
}

async function boundedBody(request: Request): Promise<Buffer> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > MAX_BODY_BYTES) throw tooLarge(declared);
  // One buffer, because many small pieces would take a multiple of their size.
  const bytes = Buffer.alloc(declared > 0 ? declared : MAX_BODY_BYTES);
  let size = 0;
  let pieces = 0;
  try {
    for await (const chunk of request.body ?? []) {
      pieces += 1;
      if (size + chunk.byteLength > bytes.length) throw tooLarge(size + chunk.byteLength);
      if (pieces > FREE_PIECES + size / LEAST_PIECE_BYTES) throw tooManyPieces(size, pieces);
      bytes.set(chunk, size);
      size += chunk.byteLength;
    }
  } catch (error) {
    throw RequestError.is(error) ? error : connectionLost(error);
  }
  return bytes.subarray(0, size);
}

function tooManyPieces(size: number, pieces: number): RequestError {
  return new RequestError(
    'body_too_large',
    `Expected a body in pieces of at least ${LEAST_PIECE_BYTES} bytes, got ${size} bytes in ${pieces} pieces. Send it whole.`,
    { headers: CLOSE_CONNECTION },
  );
}

function tooSlow(limitMs: number): RequestError {
  return new RequestError(
    'request_timeout',
    `Expected the whole body within ${limitMs / 1000} s, got only part of it.`,
    { headers: CLOSE_CONNECTION },
  );
}

/** The caller is gone and does not read this, but any other error would be logged as a failure of the service. */
function connectionLost(cause: unknown): RequestError {
  return new RequestError('request_timeout', 'Expected the whole body, got a lost connection.', {
    cause,
  });
}

function tooLarge(size: number): RequestError {
  return new RequestError(
    'body_too_large',
    `Expected a body of at most ${MAX_BODY_BYTES} bytes, got ${size} or more.`,
    { headers: CLOSE_CONNECTION },
  );
}

function syntaxDetail(text: string, cause: unknown): string {
  if (text.trim() === '') return 'Expected a JSON object, got an empty body.';
  const position = /position (\d+)/.exec(String(cause))?.[1];
  return position === undefined
    ? 'Expected a JSON object, got truncated or invalid JSON.'
    : `Expected a JSON object, got invalid JSON at character ${position}.`;
}

/** The error as application/problem+json (RFC 9457), without its stack or cause. */
export function problem(error: RequestError): Response {
  const { status, title, hint } = CODES[error.code] as { status: number; title: string; hint: string };
  return Response.json(
    {
      type: 'about:blank',
      title,
      status,
      detail: error.message,
      code: error.code satisfies RequestCode,
      hint: error.hint ?? hint,
      ...(error.mistakes.length > 0 ? { errors: error.mistakes } : {}),
    },
    { status, headers: { 'content-type': 'application/problem+json', ...error.headers } },
  );
}
