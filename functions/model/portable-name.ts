/**
 * Names for files and folders that Windows, macOS, Linux, Google Drive and Cloud Storage all take as they are, whichever of
 * them the service runs on: folders are shared, moved and synchronized.
 */
import { withoutHidden } from '../base/hidden-characters.ts';
import { remembered } from '../base/remembered.ts';

/** https://learn.microsoft.com/windows/win32/fileio/naming-a-file */
const ILLEGAL = /[<>:"/\\|?*]/g;
/** Reserved with and without an extension, in capitals or not. */
const RESERVED = /^(CON|PRN|AUX|NUL|COM[0-9¹²³]|LPT[0-9¹²³]|CONIN\$|CONOUT\$)(?=\s*(?:\.|$))/i;
/** Not assigned, for private use, or half a character. Apple's file systems refuse names with some of them. */
const UNKNOWN = /[\p{Cn}\p{Co}\p{Cs}\ufffd]/gu;
/** Of a text that others wrote: longer than any name. */
const MAX_READ = 1_000;
/** Accents of one letter. Normalizing takes quadratic time on a long row of them. */
const TOO_MANY_MARKS = /(\p{M}{40})\p{M}+/gu;
/** Bytes of a folder, which leave room for a path. */
const MAX_FOLDER = 160;

/** The beginning of the text without what a system refuses: each such character becomes `_`. In Unicode's form NFC. */
export const portableText = remembered((text: string): string => {
  const read = fewMarks(text.slice(0, MAX_READ).toWellFormed());
  // Apart, as Apple's older file systems store names: nothing illegal hides in a letter with its accent.
  const apart = withoutHidden(read.normalize('NFD').replace(/\p{Zs}+/gu, ' '));
  return apart.replace(ILLEGAL, '_').replace(UNKNOWN, '_').normalize('NFC');
});

/**
 * Portable texts in a row as the beginning of a file name: without dots and spaces around it, which are dropped, hide a file
 * or are refused; never empty, and no name of a device.
 */
export function portableStem(...texts: readonly string[]): string {
  const trimmed = fewMarks(texts.join(''))
    .normalize('NFC')
    .replace(/^[\s.]+|[\s.]+$/gu, '');
  return trimmed.replace(RESERVED, '$1_') || '_';
}

function fewMarks(text: string): string {
  return text.replace(TOO_MANY_MARKS, '$1');
}

/** The text as the name of a folder. Without dots, so that no file has the same. */
export const portableFolder = remembered((text: string): string => {
  const name = portableStem(portableText(text).replaceAll('.', '_'));
  return portableStem(cutToSize(name, MAX_FOLDER));
});

/** Bytes, or what Apple's older file systems count if that is more: 255 is the most for a name. */
export function nameSize(text: string): number {
  if (isAscii(text)) return text.length;
  return Math.max(Buffer.byteLength(text), text.normalize('NFD').length);
}

const SEGMENTS = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The longest beginning of that size, without splitting what is seen as one character. */
export const cutToSize = remembered((text: string, most: number): string => {
  if (nameSize(text) <= most) return text;
  let kept = '';
  let size = 0;
  for (const { segment } of SEGMENTS.segment(text)) {
    size += nameSize(segment);
    if (size > most) break;
    kept += segment;
  }
  return kept;
});

/**
 * The same for names that one of the systems takes for the same: capitals and small letters, spellings of a letter with its
 * accent, and joiners make no difference.
 */
export function comparable(name: string): string {
  if (isAscii(name)) return name.toUpperCase();
  return name
    .normalize('NFD')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .toLowerCase()
    .toUpperCase()
    .normalize('NFD');
}

function isAscii(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII has them.
  return /^[\x00-\x7f]*$/.test(text);
}
