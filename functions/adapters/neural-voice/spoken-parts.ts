/** Cuts the text of a line into parts that the engine speaks one after the other. */

/**
 * A sentence is spoken at once, and takes memory and time in proportion to its length: one of 5,000 characters would take more
 * than the engine has.
 */
const MOST_CHARACTERS = 200;
/** Where a part may end, best first. */
const ENDS = [/[.!?…。！？](?=\s|$)|[。！？]/g, /[,;:—、，；：]/g, /\s/g];
/** A part that ends before this leaves a scrap. */
const LEAST_CHARACTERS = 60;
/** Anything that is said aloud: a letter, a digit, or a sign such as %, € or an emoji. */
const SAYABLE = /[\p{L}\p{N}\p{S}%&@#*]/u;

/** Empty if the text has nothing to speak. */
export function spokenParts(text: string, most = MOST_CHARACTERS): string[] {
  let rest = text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  const parts: string[] = [];
  while (rest.length > most) {
    const end = endWithin(rest, most);
    parts.push(rest.slice(0, end).trim());
    rest = rest.slice(end).trim();
  }
  return [...parts, rest].filter((part) => SAYABLE.test(part));
}

function endWithin(text: string, most: number): number {
  const start = text.slice(0, most);
  for (const ends of ENDS) {
    const last = [...start.matchAll(ends)].at(-1);
    const end = last === undefined ? 0 : last.index + last[0].length;
    if (end >= Math.min(LEAST_CHARACTERS, most / 2)) return end;
  }
  // Not between the two halves of a character.
  return /[\ud800-\udbff]$/.test(start) ? most - 1 : most;
}
