import { withoutHidden } from '../../base/hidden-characters.ts';
import { cutToBytes } from '../../model/names.ts';

/** Longest name of a file or folder: NAME_MAX on Linux. Windows and macOS allow names of this length as well. */
const MAX_NAME_BYTES = 255;

const WINDOWS_ILLEGAL = /[<>:"/\\|?*]/g;
const POSIX_ILLEGAL = /\//g;
/** Reserved with and without an extension: https://learn.microsoft.com/windows/win32/fileio/naming-a-file */
const WINDOWS_RESERVED = /^(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³])(?=\.|$)/i;

/**
 * A valid name for one folder or file: characters that the system does not allow, or that are not seen, become `_`. The
 * result is never empty, `.`, `..` or a path.
 */
export function diskName(name: string, platform: NodeJS.Platform = process.platform): string {
  const windows = platform === 'win32';
  const legal = withoutHidden(name.toWellFormed()).replace(windows ? WINDOWS_ILLEGAL : POSIX_ILLEGAL, '_');
  const spelled = windows ? legal.replace(WINDOWS_RESERVED, '$1_') : legal;
  const short = cutToBytes(spelled, MAX_NAME_BYTES);
  const ended = windows ? short.replace(/[. ]+$/, (end) => '_'.repeat(end.length)) : short;
  return /^\.{0,2}$/.test(ended) ? ended.replaceAll('.', '_') || '_' : ended;
}
