/** Reads whose pages may use the HTTP API from a browser. */
import { isLoopback } from './loopback.ts';
import type { SettingsReader } from './settings-reader.ts';

/**
 * An origin that anyone on the way can answer for (http) is refused, and so is every origin (*): its pages could do whatever
 * the key, or without one this machine, may do.
 */
export function readCorsOrigins(read: SettingsReader): readonly string[] {
  const listOf = (text: string) => text.split(',').map((origin) => origin.trim());
  return listOf(read.optional('CORS_ORIGINS', (text) => listOf(text).every(isSafeOrigin)) ?? '').filter(
    Boolean,
  );
}

/** Written exactly as browsers send it, because it is compared with that. */
function isSafeOrigin(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.origin !== text || text.includes('*')) return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}
