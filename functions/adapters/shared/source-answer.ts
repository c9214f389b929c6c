import type { IncomingHttpHeaders } from 'node:http';
import type { PermanentError } from '../../base/errors.ts';
import type { Validator } from '../../model/source.ts';
import { permanent, statusError } from './network-errors.ts';

interface Answer {
  statusCode: number;
  headers: IncomingHttpHeaders;
}

/**
 * Checks the status and headers, before the body is read.
 * @param where the URL, masked
 * @throws PermanentError or TransientError if the response does not contain the file
 */
export function checkAnswer({ statusCode, headers }: Answer, where: string, maxBytes: number): void {
  if (statusCode === 204 || statusCode === 205) throw empty(where);
  if (statusCode !== 200 && statusCode !== 203) {
    throw statusError(statusCode, where, header(headers, 'retry-after'));
  }
  if (/^\s*(text\/html|application\/xhtml)/i.test(header(headers, 'content-type') ?? '')) {
    throw permanent(
      'media_unreadable',
      `Expected a media file at ${where}, got a web page (HTML)`,
      'use the address of the file itself, not of the page that shows it',
    );
  }
  const [encoding] =
    /\b(gzip|deflate|br|zstd|compress)\b/i.exec(header(headers, 'content-encoding') ?? '') ?? [];
  if (encoding !== undefined) {
    throw permanent(
      'source_refused',
      `Expected ${where} without compression, got Content-Encoding ${encoding}`,
      'configure the server to send media without Content-Encoding',
    );
  }
  const announced = announcedBytes(headers);
  if (announced !== undefined && announced > maxBytes) throw tooLarge(where, maxBytes, `${size(announced)}`);
}

export function validatorOf(headers: IncomingHttpHeaders): Validator | null {
  const etag = sendable(header(headers, 'etag'));
  const lastModified = sendable(header(headers, 'last-modified'));
  if (!etag && !lastModified) return null;
  return { ...(etag ? { etag } : {}), ...(lastModified ? { lastModified } : {}) };
}

export function announcedBytes(headers: IncomingHttpHeaders): number | undefined {
  const length = header(headers, 'content-length');
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
}

/** Drops values that Node would refuse to send back in a request header, which would make every later GET fail. */
function sendable(value: string | undefined): string | undefined {
  return value !== undefined && /^[\x20-\x7e]{1,1024}$/.test(value) ? value : undefined;
}

/** Returns the first value of a header that was sent more than once. */
export function header(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

export function empty(where: string): PermanentError {
  return permanent(
    'media_unreadable',
    `Expected a media file at ${where}, got 0 bytes`,
    'upload the file again',
  );
}

export function tooLarge(where: string, maxBytes: number, got: string): PermanentError {
  return permanent(
    'source_too_large',
    `Expected at most ${size(maxBytes)} (MAX_SOURCE_MB) from ${where}, got ${got}`,
    'send a smaller file or raise MAX_SOURCE_MB',
  );
}

function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes} bytes` : `${Number((bytes / 2 ** 20).toFixed(1))} MB`;
}
