import { createHash } from 'node:crypto';

/** An id of 64 hex digits, for texts that are secret or long. It depends on where one ends and the next begins. */
export function hashId(...parts: readonly string[]): string {
  // JSON also distinguishes texts that are not well-formed Unicode.
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}
