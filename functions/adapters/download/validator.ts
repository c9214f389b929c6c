/** Whether a file is still the one that is known, according to its server (RFC 9110, 8.8). */
import type { IncomingHttpHeaders } from 'node:http';
import type { Validator } from '../../model/source.ts';
import { parseHttpDate } from '../shared/network-errors.ts';
import { announcedBytes, header } from '../shared/source-answer.ts';

/**
 * RFC 9110, 8.8.2.2: a date proves something only if it was this much older than the answer that it came with. A file
 * that changes twice within a second keeps its date.
 */
const LEAST_AGE_MS = 60_000;
/** Builds that are to be repeatable give all files one date: mostly the first of Unix (1970) or of ZIP (1980). */
const FIRST_DATE_MS = Date.UTC(1990);
/** Time, length or file number, as nginx, Apache, lighttpd and others join them: worth as much as the date. */
const MADE_OF_TIME = /^"[\da-f]{1,20}(-[\da-f]{1,16}){1,2}"$|^"\d+"$/i;
/** At least 128 bits in hexadecimal, with S3's number of parts, or in Base64: a hash of the content. */
const HASH = /^"((?=\d*[a-fA-F])[\da-fA-F]{32,}(-\d+)?|(?=.*[a-z])(?=.*[A-Z])[\w+/-]{22,}={0,2})"$/;

/**
 * What to remember of a file's answer; null if nothing in it can tell this file from the next one under the same URL.
 * A strong ETag is enough. A date, even with a weak ETag, is kept with the length, as neither proves anything alone.
 */
export function validatorOf(headers: IncomingHttpHeaders): Validator | null {
  const etag = sendable(header(headers, 'etag'));
  const bytes = announcedBytes(headers);
  const lastModified = oldDate(headers);
  if (etag !== undefined && isStrong(etag) && (lastModified !== undefined || isOfContent(etag, headers))) {
    return { etag, ...(bytes === undefined ? {} : { bytes }) };
  }
  if (lastModified === undefined || bytes === undefined) return null;
  return { lastModified, bytes, ...(etag === undefined ? {} : { etag }) };
}

/** Only a strong ETag makes a request conditional: what a server compares dates with is its own business. */
export function conditionOf({ etag }: Partial<Validator>): Record<string, string> {
  return etag !== undefined && isStrong(etag) ? { 'if-none-match': etag } : {};
}

/** Whether the answer shows that the file is the known one, so that its body need not be read. */
export function isSame(known: Validator, status: number, headers: IncomingHttpHeaders): boolean {
  return status === 304 ? isConfirmed(known, headers) : status === 200 && isUnchanged(known, headers);
}

/** Whether "304 Not Modified" was asked for, and does not contradict itself. */
function isConfirmed({ etag, bytes }: Validator, headers: IncomingHttpHeaders): boolean {
  if (etag === undefined || !isStrong(etag) || (header(headers, 'etag') ?? etag) !== etag) return false;
  const length = announcedBytes(headers) ?? 0;
  return length === 0 || bytes === undefined || length === bytes;
}

/** A server that repeats a strong ETag with the whole file does not compare ETags, so the bytes decide. */
function isUnchanged(known: Validator, headers: IncomingHttpHeaders): boolean {
  const now = validatorOf(headers);
  return (
    now?.lastModified !== undefined &&
    now.lastModified === known.lastModified &&
    now.bytes === known.bytes &&
    now.etag === known.etag
  );
}

function isStrong(etag: string): boolean {
  return !etag.startsWith('W/');
}

/** Of a file whose age is too little, or unknown: whether the next file under this URL gets another ETag. */
function isOfContent(etag: string, headers: IncomingHttpHeaders): boolean {
  const isDated = !Number.isNaN(parseHttpDate(header(headers, 'last-modified') ?? ''));
  return isDated ? HASH.test(etag) : !MADE_OF_TIME.test(etag);
}

/** Last-Modified, if it is a real date that is older than the answer's own Date by more than the clock's step. */
function oldDate(headers: IncomingHttpHeaders): string | undefined {
  const lastModified = sendable(header(headers, 'last-modified'));
  const modified = parseHttpDate(lastModified ?? '');
  const age = parseHttpDate(header(headers, 'date') ?? '') - modified;
  return age >= LEAST_AGE_MS && modified >= FIRST_DATE_MS ? lastModified : undefined;
}

/** Drops values that Node would refuse to send back in a request header, which would make every later GET fail. */
function sendable(value: string | undefined): string | undefined {
  return value !== undefined && /^[\x20-\x7e]{1,1024}$/.test(value) ? value : undefined;
}
