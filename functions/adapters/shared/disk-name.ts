import { cutToBytes } from '../../model/names.ts';

/** Longest name of one file or folder: NAME_MAX of Linux, and more than Windows and macOS have trouble with. */
const MAX_NAME_BYTES = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const WINDOWS_ILLEGAL = /[<>:"/\\|?*\u0000-\u001f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
const POSIX_ILLEGAL = /[/\u0000]/g;
/** https://learn.microsoft.com/windows/win32/fileio/naming-a-file, with an extension too. */
const WINDOWS_RESERVED = /^(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(?=\.|$)/i;

/**
 * A name for one folder or file: the given one where the system allows, else with `_` for what it does not. Never
 * empty, never a step up, never a path.
 */
export function diskName(name: string, platform: NodeJS.Platform = process.platform): string {
  const windows = platform === 'win32';
  const legal = name.toWellFormed().replace(windows ? WINDOWS_ILLEGAL : POSIX_ILLEGAL, '_');
  const spelled = windows ? legal.replace(WINDOWS_RESERVED, '$1_') : legal;
  const short = cutToBytes(spelled, MAX_NAME_BYTES);
  const ended = windows ? short.replace(/[. ]+$/, (end) => '_'.repeat(end.length)) : short;
  return /^\.{0,2}$/.test(ended) ? ended.replaceAll('.', '_') || '_' : ended;
}
