import { diskName } from './disk-name.ts';

/**
 * Whether this is the name of one file in a folder: no path, no separator, no control character, not too long. The names
 * of videos always are; this is the last line of defence before a file is written or removed.
 */
export function isPlainName(name: string, platform?: NodeJS.Platform): boolean {
  return name === diskName(name, platform);
}

export function notPlain(name: string): Error {
  return new Error(`Expected a plain file name, got ${JSON.stringify(name)}`);
}
