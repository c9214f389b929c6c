import type { IncomingHttpHeaders } from 'node:http';
import type { PermanentError } from '../../base/errors.ts';
import { permanent } from './network-errors.ts';

/** The length of the body; undefined if the headers do not say. */
export function announcedBytes(headers: IncomingHttpHeaders): number | undefined {
  // Chunks take precedence (RFC 9112, 6.3).
  const length = headers['transfer-encoding'] === undefined ? header(headers, 'content-length') : undefined;
  return length !== undefined && /^\d+$/.test(length) ? Number(length) : undefined;
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

export function tooLarge(where: string, maxBytes: number, announced?: number): PermanentError {
  return permanent(
    'source_too_large',
    `Expected at most ${size(maxBytes)} (MAX_SOURCE_MB) from ${where}, got ${announced === undefined ? 'more' : size(announced)}`,
    'send a smaller file or raise MAX_SOURCE_MB',
  );
}

function size(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes} bytes` : `${Number((bytes / 2 ** 20).toFixed(1))} MB`;
}
