/**
 * The text without the given characters at its end. For text of strangers, instead of /x+$/, which takes quadratic time if
 * many such characters stand anywhere but at the end.
 */
export function withoutEnd(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}
