/** Breaks the words of a cue into rows that stay within a width. Pure. */

import { type FontRun, fontRuns, widthOf } from './font-runs.ts';
import { type CaptionFont, FONTS, metricsOf } from './fonts.ts';

export interface LaidWord {
  runs: readonly FontRun[];
  /** Whether a blank stands before it, unless it begins a row. */
  spaced: boolean;
  /** Which word of the cue it is, or is a piece of. */
  number: number;
}

export interface Laid {
  /** Each with at least one word. */
  rows: LaidWord[][];
  /** Size of the letters, as a share of the wanted size. */
  scale: number;
}

export interface Room {
  /** Pixels. */
  width: number;
  height: number;
  /** Size of the em, pixels. */
  em: number;
}

/** A little smaller is better than a second row. */
const ONE_ROW = 0.85;
/** Letters that are smaller than that cannot be read on a phone; words are broken before. */
const LEAST_SCALE = 0.7;
const STEP = 0.95;
const BLANKS = FONTS[0] as CaptionFont;
/** Letters of these are joined, and a word that is broken would become two others. */
const JOINED = /[\p{Script=Arabic}\p{Script=Devanagari}]/u;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** As large as they fit, at most as large as wanted. */
export function laidOut(words: readonly LaidWord[], fonts: readonly CaptionFont[], room: Room): Laid {
  const whole = rowWidth(words);
  const alone = Math.min(1, room.width / room.em / whole);
  if (alone >= ONE_ROW && room.height >= alone * room.em * rowHeight(words))
    return { rows: [[...words]], scale: alone };
  for (let scale = 1; ; scale *= STEP) {
    const isLast = scale * STEP < LEAST_SCALE;
    const width = room.width / (room.em * scale);
    const pieces = isLast ? words.flatMap((word) => broken(word, fonts, width)) : words;
    const rows = balanced(pieces, width);
    const widest = Math.max(...rows.map(rowWidth));
    const tallest = rows.reduce((sum, row) => sum + rowHeight(row), 0) * room.em * scale;
    if (widest <= width && tallest <= room.height) return { rows, scale };
    // What cannot be broken, or is too much for the picture, becomes as small as it must.
    if (isLast) return { rows, scale: scale * Math.min(1, width / widest, room.height / tallest) };
  }
}

/** Shares of the em. */
function rowWidth(words: readonly LaidWord[]): number {
  return words.reduce((sum, word, at) => sum + widthOf(blankBefore(words, at)) + widthOf(word.runs), 0);
}

/** As high as the highest font in it. Shares of the em. */
function rowHeight(words: readonly LaidWord[]): number {
  return Math.max(1, ...words.flatMap(({ runs }) => runs.map(({ font }) => metricsOf(font).lineHeight)));
}

/** What stands between a word and the one before it in its row. */
export function blankBefore(words: readonly LaidWord[], at: number): FontRun[] {
  const font = words[at - 1]?.runs.findLast((run) => run.font.name !== 'Noto Emoji')?.font ?? BLANKS;
  return at > 0 && words[at]?.spaced ? [{ font, text: ' ' }] : [];
}

/** As few rows as possible, of about the same width. */
function balanced(words: readonly LaidWord[], width: number): LaidWord[][] {
  const fewest = filled(words, width);
  let best = fewest;
  for (let narrower = width * STEP; ; narrower *= STEP) {
    const rows = filled(words, narrower);
    if (rows.length > fewest.length || Math.max(...rows.map(rowWidth)) > width) return best;
    best = rows;
    if (rows.length === words.length) return best;
  }
}

function filled(words: readonly LaidWord[], width: number): LaidWord[][] {
  const rows: LaidWord[][] = [];
  for (const word of words) {
    const row = rows.at(-1);
    if (row !== undefined && rowWidth([...row, word]) <= width) row.push(word);
    else rows.push([word]);
  }
  return rows;
}

/** Pieces that fit, if it can be broken. */
function broken(word: LaidWord, fonts: readonly CaptionFont[], width: number): LaidWord[] {
  const text = word.runs.map((run) => run.text).join('');
  if (JOINED.test(text) || widthOf(word.runs) <= width) return [word];
  const texts: string[] = [];
  for (const { segment } of GRAPHEMES.segment(text)) {
    const longer = (texts.at(-1) ?? '') + segment;
    if (texts.length > 0 && widthOf(fontRuns(longer, fonts)) <= width) texts[texts.length - 1] = longer;
    else texts.push(segment);
  }
  return texts.map((piece, at) => ({
    ...word,
    runs: fontRuns(piece, fonts),
    spaced: at === 0 && word.spaced,
  }));
}
