/** Characters that are not seen but change what is: they move the cursor of a terminal, or reverse the text after them. */

/**
 * Control characters, line and paragraph separators, marks and overrides of the writing direction, and spaces without
 * width. Not the joiners U+200C and U+200D, which Persian, Indian scripts and emoji need.
 * https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
const HIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finds control characters
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** For names: each becomes `_`. */
export function withoutHidden(text: string): string {
  return text.replace(HIDDEN, '_');
}

/** For terminals and logs: each is written out, as in JSON. */
export function escapeHidden(text: string): string {
  return text.replace(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
