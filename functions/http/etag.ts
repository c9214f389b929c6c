/** Answers that name their content, so that whoever has it already gets 304: RFC 9110, sections 8.8.3 and 13.1.2. */
import { createHash } from 'node:crypto';

export interface TaggedOptions {
  headers?: Readonly<Record<string, string>>;
  /** Fields at the top of the body that time alone changes. */
  without?: readonly string[];
}

const TAG = /(?:W\/)?("[\x21\x23-\x7e\x80-\xff]*")/g;
/** 128 bits, so that no two contents share one. */
const TAG_CHARACTERS = 22;

/** The body as JSON with its ETag: 200, or 304 without a body if the request names that ETag in If-None-Match. */
export function taggedJson(
  request: Request,
  body: object,
  { headers = {}, without = [] }: TaggedOptions = {},
): Response {
  const lasting = Object.fromEntries(Object.entries(body).filter(([name]) => !without.includes(name)));
  const hash = contentHash(JSON.stringify(lasting));
  const tagged = { headers: { ...headers, etag: `W/"${hash}"` } };
  return isNamed(`"${hash}"`, request.headers.get('if-none-match'))
    ? new Response(null, { status: 304, ...tagged })
    : Response.json(body, tagged);
}

/** The text of an ETag, without its quotes. */
export function contentHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, TAG_CHARACTERS);
}

/**
 * Whether If-None-Match names an ETag, in quotes and without a W/: it compares weakly. What is no list of ETags names none.
 */
export function isNamed(tag: string, field: string | null): boolean {
  if (field === null) return false;
  if (field.trim() === '*') return true;
  const isList = /^[\s,]*$/.test(field.replace(TAG, ''));
  return isList && [...field.matchAll(TAG)].some(([, opaque]) => opaque === tag);
}
