/** Names of clips, for file names and logs, made of the names of files. */
import { withoutEnd } from '../base/without-end.ts';

const MAX_NAME = 40;
/**
 * Not letters and digits of any alphabet, which may break a shell, a spreadsheet or a file system; and what Unicode counts
 * as a letter, but does not show.
 */
const NOT_IN_NAMES = /[^[\p{L}\p{M}\p{N}_\-]--[\p{Default_Ignorable_Code_Point}--\p{Variation_Selector}]]+/gv;
/** Read of a longer name, as normalizing takes quadratic time on a long row of combining accents. */
const MAX_RAW_NAME = 300;

/** Letters and digits of any alphabet, "-" and "_", at most 40; `clip` if nothing is left. */
export function clipName(fileName: string): string {
  return givenName(fileName.replace(/\.[A-Za-z0-9]{1,5}$/, ''));
}

/** The same for a name that someone chose: what follows a dot belongs to it, as in "v1.2". */
export function givenName(chosen: string): string {
  const name = chosen
    .slice(0, MAX_RAW_NAME)
    .normalize('NFC')
    .replace(NOT_IN_NAMES, '_')
    .replace(/^[_-]+/, '');
  return [...withoutEnd(name, '_-')].slice(0, MAX_NAME).join('') || 'clip';
}
