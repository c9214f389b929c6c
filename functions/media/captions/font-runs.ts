/** Decides which font shows which characters of a text, so that none is left to what a machine happens to have. */
import { type CaptionFont, FONTS, type FontName, metricsOf } from './fonts.ts';

/** Characters in a row that one font shows. */
export interface FontRun {
  font: CaptionFont;
  text: string;
}

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Shown as pictures, not as letters. */
const EMOJI = /\p{Emoji_Presentation}|\p{Extended_Pictographic}\ufe0f|\u20e3/u;
/** Choose between picture and letter; no font needs to have them. */
const PRESENTATION = /[\ufe0e\ufe0f]/g;
const LETTERS = /[\p{L}\p{M}]+/gu;
const JOINERS = /[\u200c\u200d]/g;
/** Marks for direction and for breaking lines, which is decided here. */
const INVISIBLE = /[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\p{Cc}]/gu;

const KANA = /[\p{Script=Hiragana}\p{Script=Katakana}]/u;
const HANGUL = /\p{Script=Hangul}/u;
const TRADITIONAL = /^zh-(.*-)?(hant|tw|hk|mo)\b/i;
/** The same Chinese characters have other shapes in other countries. */
const EASTERN = {
  simplified: ['Noto Sans SC', 'Noto Sans TC', 'Noto Sans JP', 'Noto Sans KR'],
  traditional: ['Noto Sans TC', 'Noto Sans SC', 'Noto Sans JP', 'Noto Sans KR'],
  japanese: ['Noto Sans JP', 'Noto Sans SC', 'Noto Sans TC', 'Noto Sans KR'],
  korean: ['Noto Sans KR', 'Noto Sans TC', 'Noto Sans SC', 'Noto Sans JP'],
} as const satisfies Record<string, readonly FontName[]>;

/**
 * All fonts, in the order in which they are tried.
 * @param text all of a line, whose script tells Japanese from Chinese
 * @param language BCP 47
 */
export function fontsFor(chosen: string, text: string, language?: string): CaptionFont[] {
  const eastern: readonly FontName[] = EASTERN[easternOf(text, language)];
  const rank = ({ name }: { name: FontName }) => {
    const place = eastern.indexOf(name);
    return name === chosen ? -1 : place < 0 ? 0 : 1 + place;
  };
  return FONTS.toSorted((one, other) => rank(one) - rank(other));
}

function easternOf(text: string, language = ''): keyof typeof EASTERN {
  if (/^ja\b/i.test(language) || KANA.test(text)) return 'japanese';
  if (/^ko\b/i.test(language) || HANGUL.test(text)) return 'korean';
  return TRADITIONAL.test(language) ? 'traditional' : 'simplified';
}

/** In one form, in capitals if they are wanted, and without what is not seen. */
export function shownText(
  text: string,
  { upperCase, language }: { upperCase: boolean; language?: string },
): string {
  const seen = text.normalize('NFC').replace(INVISIBLE, '');
  return upperCase ? inCapitals(seen, language) : seen;
}

/** Turkish has an İ, and Greek drops its accents. */
function inCapitals(text: string, language: string | undefined): string {
  const usual = /\p{Script=Greek}/u.test(text) ? 'el' : undefined;
  try {
    return text.toLocaleUpperCase(language ?? usual);
  } catch {
    return text.toUpperCase();
  }
}

/**
 * The letters of a word are shown in one font, if one has them all.
 * @param missing gets the characters, with the marks on them, that no font has; they are left out
 */
export function fontRuns(text: string, fonts: readonly CaptionFont[], missing?: Set<string>): FontRun[] {
  const runs: FontRun[] = [];
  const add = (font: CaptionFont, shown: string) => {
    const last = runs.at(-1);
    if (last?.font === font) last.text += shown;
    else runs.push({ font, text: shown });
  };
  for (const [word] of text.matchAll(/\s+|\S+/gu)) {
    if (/^\s/u.test(word)) {
      // The blank of the pictures is as wide as a picture.
      const before = runs.at(-1)?.font;
      add(before === undefined || isPictures(before) ? (fonts[0] as CaptionFont) : before, ' ');
      continue;
    }
    const letters = word.match(LETTERS)?.join('') ?? '';
    const whole = letters === '' ? undefined : fonts.find((font) => hasAll(font, letters));
    const ordered = whole === undefined ? fonts : [whole, ...fonts];
    for (const { segment } of GRAPHEMES.segment(word)) {
      const font = fontOf(segment, ordered);
      if (font === undefined) missing?.add(segment);
      else add(font, isPictures(font) ? segment : segment.replace(PRESENTATION, ''));
    }
  }
  return runs;
}

function fontOf(grapheme: string, fonts: readonly CaptionFont[]): CaptionFont | undefined {
  const pictures = EMOJI.test(grapheme) ? fonts.find(isPictures) : undefined;
  if (pictures !== undefined && hasAll(pictures, grapheme)) return pictures;
  return fonts.find((font) => hasAll(font, grapheme));
}

/** Whether it has all but what is seen in none. */
function hasAll(font: CaptionFont, text: string): boolean {
  const { has } = metricsOf(font);
  for (const character of bare(text)) if (!has(character.codePointAt(0) as number)) return false;
  return true;
}

function bare(text: string): string {
  return text.replace(PRESENTATION, '').replace(JOINERS, '');
}

function isPictures({ name }: CaptionFont): boolean {
  return name === 'Noto Emoji';
}

/** Width in shares of the em. At least as wide as shown, as letters are joined and moved together. */
export function widthOf(runs: readonly FontRun[]): number {
  let width = 0;
  for (const { font, text } of runs) {
    const { advance } = metricsOf(font);
    for (const character of bare(text)) width += advance(character.codePointAt(0) as number);
  }
  return width;
}
