/** Characters that are not seen but change what is: they move the cursor of a terminal, or reverse the text after them. */

/**
 * Control characters, line and paragraph separators, and all that Unicode does not show: marks and overrides of the writing
 * direction, spaces without width, fillers, tags. Also what it shows as a blank of a script (U+2800) or not at all
 * (U+FFF9-U+FFFB). Not the joiners U+200C and U+200D and variation selectors, which Persian, Indian scripts and emoji need.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const HIDDEN =
  /[[\p{Cc}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]--[\u200c\u200d\p{Variation_Selector}]]/gv;

/** For names: each becomes `_`. */
export function withoutHidden(text: string): string {
  return text.replace(HIDDEN, '_');
}

/** For terminals and logs: each is written out, as in JSON. */
export function escapeHidden(text: string): string {
  return text.replace(HIDDEN, (character) => character.split('').map(escaped).join(''));
}

function escaped(codeUnit: string): string {
  return `\\u${codeUnit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
