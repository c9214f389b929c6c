/** Single ranges of a file and conditions on it: RFC 9110, sections 13 and 14. */
import { RequestError } from '../base/errors.ts';
import { isNamed } from './etag.ts';

export interface Representation {
  bytes: number;
  /** With its quotes. Strong: the same tag, the same bytes. */
  etag: string;
  /** Milliseconds since the epoch. */
  modifiedAt: number;
}

/** Inclusive. */
export interface ByteRange {
  from: number;
  to: number;
}

/**
 * The part that a GET asks for; undefined for the whole file, which is also the answer to several ranges at once, to what
 * is no range, and to a range of an earlier version.
 * @throws RequestError range_not_satisfiable for a range beyond the end
 */
export function rangeOf({ method, headers }: Request, file: Representation): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(headers.get('range') ?? '') ?? [];
  if (method !== 'GET' || (first === '' && last === '') || !isUnchanged(headers.get('if-range'), file))
    return undefined;
  const end = file.bytes - 1;
  if (first === '') return within(Math.max(0, file.bytes - Number(last)), end, file, Number(last) === 0);
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return within(Number(first), last === '' ? end : Math.min(Number(last), end), file);
}

function within(from: number, to: number, { bytes }: Representation, isEmpty = false): ByteRange {
  if (from < bytes && !isEmpty) return { from, to };
  throw new RequestError(
    'range_not_satisfiable',
    `Expected a range within ${bytes} bytes, got one outside of them.`,
    { headers: { 'content-range': `bytes */${bytes}` } },
  );
}

/** If-Range: a date must be the very one that we sent, written so: RFC 9110, section 13.1.5. */
function isUnchanged(condition: string | null, { etag, modifiedAt }: Representation): boolean {
  return condition === null || condition === etag || condition === httpDate(modifiedAt);
}

/** Whether the caller has this version: 304. */
export function isKnown({ headers }: Request, { etag, modifiedAt }: Representation): boolean {
  const tags = headers.get('if-none-match');
  if (tags !== null) return isNamed(etag, tags);
  const since = Date.parse(headers.get('if-modified-since') ?? '');
  return since >= wholeSeconds(modifiedAt);
}

/** Last-Modified. */
export function httpDate(ms: number): string {
  return new Date(ms).toUTCString();
}

/** As precise as dates of HTTP are. */
function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
