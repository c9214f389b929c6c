import { diskName } from './disk-name.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: finds control characters
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Whether this is the name of one file in a folder: no path, no separator, no control character, not too long. The names
 * of videos always are; this is the last line of defence before a file is written or removed.
 */
export function isPlainName(name: string, platform?: NodeJS.Platform): boolean {
  return name === diskName(name, platform) && !CONTROL_CHARACTERS.test(name);
}

export function notPlain(name: string): Error {
  return new Error(`Expected a plain file name, got ${JSON.stringify(name)}`);
}
