/** Groups spoken words into what is shown at a time. */
import type { CaptionWord } from './words.ts';

/** What is shown at a time, seconds. */
export interface Cue {
  start: number;
  end: number;
  /** At least one, each with at least one word. */
  lines: CaptionWord[][];
}

export interface CueRules {
  mostLines: number;
  /** Per line; a wide sign counts twice. A word that is longer is alone in its line. */
  mostColumns: number;
  /** Per line. */
  mostWords: number;
  /** A cue is shown that long if no other one comes before. Seconds. */
  leastSeconds: number;
  mostSeconds: number;
}

/** What subtitles of films and broadcasters keep to. */
export const SUBTITLES: CueRules = {
  mostLines: 2,
  mostColumns: 42,
  mostWords: Number.POSITIVE_INFINITY,
  leastSeconds: 1,
  mostSeconds: 7,
};

/** Few large words at a time, in the picture. */
export function burnedCues(wordsPerLine: number): CueRules {
  return { mostLines: 1, mostColumns: 16, mostWords: wordsPerLine, leastSeconds: 0, mostSeconds: 7 };
}

const SENTENCE_END = /[.!?…。！？؟۔।]["'”’»)\]」』]*$/u;
/** Seconds. */
const LONG_PAUSE = 0.6;
const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
/** Twice as wide as a letter. */
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\u3000-\u303f\uff01-\uff60\p{Extended_Pictographic}]/u;

/**
 * Every word once, in order; a new cue at the end of a sentence, at a pause of more than 0.6 s, and where it would be too
 * long. Cues do not overlap.
 * @param seconds of the video, if the words were placed in one: no cue is shown longer
 */
export function cuesOf(
  words: readonly CaptionWord[],
  rules: CueRules,
  seconds = Number.POSITIVE_INFINITY,
): Cue[] {
  const groups: CaptionWord[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    if (group !== undefined && goesOn(group, word, rules)) group.push(word);
    else groups.push([word]);
  }
  return groups.map((group, at) => {
    const [first, last] = [group[0], group.at(-1)] as [CaptionWord, CaptionWord];
    const next = groups[at + 1]?.[0]?.start ?? seconds;
    const end = Math.min(Math.max(last.end, first.start + rules.leastSeconds), next);
    return { start: first.start, end, lines: linesOf(group, rules) as CaptionWord[][] };
  });
}

/** What stands in a line, as it is read. */
export function textOf(words: readonly CaptionWord[]): string {
  return words.map(({ text, spaced }, at) => (spaced && at > 0 ? ` ${text}` : text)).join('');
}

function goesOn(group: readonly CaptionWord[], word: CaptionWord, rules: CueRules): boolean {
  const [first, last] = [group[0], group.at(-1)] as [CaptionWord, CaptionWord];
  if (word.start - last.end > LONG_PAUSE) return false;
  if (word.end - first.start > rules.mostSeconds) return false;
  // A sentence that is too short to be read alone stays with the next one.
  if (SENTENCE_END.test(last.text) && word.start - first.start >= rules.leastSeconds) return false;
  return linesOf([...group, word], rules) !== undefined;
}

/** Lines of about the same length; undefined if they do not fit. A single word always does. */
function linesOf(words: readonly CaptionWord[], rules: CueRules): CaptionWord[][] | undefined {
  if (words.length === 1 || fits(words, rules)) return [[...words]];
  if (rules.mostLines < 2) return undefined;
  let best: CaptionWord[][] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 1; at < words.length; at++) {
    const [upper, lower] = [words.slice(0, at), words.slice(at)];
    if (!(upper.length === 1 || fits(upper, rules)) || !(lower.length === 1 || fits(lower, rules))) continue;
    const difference = Math.abs(columnsOf(upper) - columnsOf(lower));
    if (difference >= least) continue;
    best = [upper, lower];
    least = difference;
  }
  return best;
}

function fits(words: readonly CaptionWord[], { mostWords, mostColumns }: CueRules): boolean {
  return words.length <= mostWords && columnsOf(words) <= mostColumns;
}

/** How wide a text is, in letters. */
function columnsOf(words: readonly CaptionWord[]): number {
  let columns = 0;
  for (const { segment } of GRAPHEMES.segment(textOf(words))) columns += WIDE.test(segment) ? 2 : 1;
  return columns;
}
