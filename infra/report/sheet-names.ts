/** How names of videos are written below their strips: in letters of the typeface, and with what tells them apart. */
import { hasGlyphs } from '../media/bitmap-font.ts';

/** Letters that are none of another one with a mark. */
const SPELLED: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  Ø: 'O',
  æ: 'ae',
  Æ: 'AE',
  œ: 'oe',
  Œ: 'OE',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
};
/** What is alike is shortened if it is longer than the dots in its place. */
const DOTS = '..';

/** Marks above and below letters are left out; what the typeface lacks even so becomes `_`. */
export function inLetters(name: string): string {
  const plain = [...name].map((letter) => SPELLED[letter] ?? letter).join('');
  const bare = plain.normalize('NFD').replaceAll(/\p{M}/gu, '');
  return [...bare].map((letter) => (hasGlyphs(letter) ? letter : '_')).join('');
}

/**
 * Names of at most `most` letters where that is possible: of longer ones, what they have in common is left out, part by part
 * between hyphens. Their beginning and end stay.
 */
export function distinctNames(names: readonly string[], most: number): string[] {
  const parts = names.map((name) => name.split('-'));
  const length = parts[0]?.length ?? 0;
  if (names.length < 2 || parts.some((one) => one.length !== length)) return [...names];
  const columns = Array.from({ length }, (_, at) => parts.map((one) => one[at] as string));
  const short = columns.map((values, at) => (at === 0 || at === length - 1 ? values : differing(values)));
  return names.map((name, row) =>
    name.length <= most
      ? name
      : short
          .map((values) => values[row] as string)
          .filter((part) => part !== '')
          .join('-'),
  );
}

/** Each without what all begin and end with; empty if all are the same. */
function differing(values: readonly string[]): string[] {
  const [first = ''] = values;
  if (values.every((value) => value === first)) return values.map(() => '');
  const shortest = Math.min(...values.map(({ length }) => length));
  const alike = (at: (value: string, place: number) => string | undefined, limit: number) => {
    let count = 0;
    while (count < limit && values.every((value) => at(value, count) === at(first, count))) count += 1;
    return count;
  };
  const before = alike((value, place) => value[place], shortest);
  const after = alike((value, place) => value.at(-1 - place), shortest - before);
  const from = before > DOTS.length ? before : 0;
  const behind = after > DOTS.length ? after : 0;
  return values.map(
    (value) => `${from > 0 ? DOTS : ''}${value.slice(from, value.length - behind)}${behind > 0 ? DOTS : ''}`,
  );
}
