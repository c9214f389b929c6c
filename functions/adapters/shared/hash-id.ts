import { createHash } from 'node:crypto';

/** An id, 64 hex digits, for texts that must not be readable or are long; the borders between the texts count. */
export function hashId(...parts: readonly string[]): string {
  // As JSON, which also keeps texts apart that are not well-formed Unicode.
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
