/** Pages of a list that may be long and whose entries may be large. */
import type { RequestError } from '../base/errors.ts';
import { queryMistake } from './query.ts';

/** Most entries per answer. */
export const PAGE = 100;
/** A page ends with the entry that exceeds it. A combination may have ten URLs of 8,192 characters. */
const PAGE_BYTES = 512 * 1024;

export interface Page<T> {
  readonly entries: readonly T[];
  readonly isFull: boolean;
  add(entry: T): void;
}

/**
 * @param most entries
 * @param beside what the answer has beside the list: it takes room, but the page has at least one entry
 */
export function emptyPage<T>(most = PAGE, beside: unknown = null): Page<T> {
  const entries: T[] = [];
  let bytes = Buffer.byteLength(JSON.stringify(beside));
  return {
    entries,
    get isFull() {
      return entries.length >= most || (entries.length > 0 && bytes >= PAGE_BYTES);
    },
    add(entry) {
      entries.push(entry);
      bytes += Buffer.byteLength(JSON.stringify(entry));
    },
  };
}

/** The number of entries that `?limit=` asks for. Throws RequestError invalid_request. */
export function limitOf(text: string | null): number {
  if (text === null || text === '') return PAGE;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= PAGE) return limit;
  throw queryMistake(
    'limit',
    `Expected a whole number from 1 to ${PAGE}, got ${JSON.stringify(text.slice(0, 40))}. Leave it out for ${PAGE}.`,
  );
}

/** The position in the list that `?cursor=` names. Throws RequestError invalid_request. */
export function cursorOf(text: string | null): number {
  if (text === null || text === '') return 0;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw strangeCursor();
}

export function strangeCursor(): RequestError {
  return queryMistake(
    'cursor',
    'Expected the next_cursor of an earlier answer, got something else. Leave it out to start at the beginning.',
  );
}

/** The cursor of the next page, for an answer. */
export function nextCursor(next: number, total: number): string | null {
  return next < total ? String(next) : null;
}
