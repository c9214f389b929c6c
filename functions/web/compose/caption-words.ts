/** The words of a line as captions show them: in groups, each for as long as it is spoken, nearly. Pure. */

export interface Word {
  text: string;
  /** Whether a blank stands before it. */
  spaced: boolean;
  /** How long it is spoken, seconds. */
  seconds: number;
}

/** Directions for the voice, which are not shown. */
const UNSHOWN = /<[/!?]?[a-z][^<>]{0,200}>|\[\p{L}[\p{L}\p{M}\p{N} ,.'’-]{0,60}\]/giu;
const WITHOUT_BLANKS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}]/u;
const SPOKEN = /[\p{L}\p{M}\p{N}\p{S}\p{Extended_Pictographic}&@#%]/u;
const SENTENCE_END = /[.!?…。！？؟۔।]["'”’»)\]」』]*$/u;
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}]/u;
/** Width of a wide capital, as a share of the size of the letters. */
const COLUMN = 0.72;
const LEAST_COLUMNS = 8;
/** Of an ordinary voice, with the pause after a sentence. */
const SECONDS_PER_LETTER = 0.065;
const PAUSE_SECONDS = 0.35;

export function wordsOf(text: string, language: string): Word[] {
  const words: Word[] = [];
  for (const { text: piece, spaced } of pieces(text.replace(UNSHOWN, ' '), language)) {
    const last = words.at(-1);
    if (last !== undefined && !SPOKEN.test(piece)) last.text += `${spaced ? ' ' : ''}${piece}`;
    else words.push({ text: piece, spaced, seconds: 0 });
  }
  return words.map((word) => ({ ...word, seconds: secondsOf(word.text) }));
}

/** @param width of the box, in sizes of the letters */
export function groupsOf(words: readonly Word[], mostWords: number, width: number): Word[][] {
  const mostColumns = Math.max(LEAST_COLUMNS, Math.floor(width / COLUMN));
  const groups: Word[][] = [];
  for (const word of words) {
    const group = groups.at(-1);
    const goesOn =
      group !== undefined &&
      group.length < mostWords &&
      !SENTENCE_END.test(group.at(-1)?.text ?? '') &&
      columnsOf([...group, word]) <= mostColumns;
    if (goesOn) group.push(word);
    else groups.push([word]);
  }
  return groups;
}

function* pieces(text: string, language: string): Generator<{ text: string; spaced: boolean }> {
  for (const [run] of text.matchAll(/\S+/g)) {
    if (WITHOUT_BLANKS.test(run)) {
      for (const { segment, index } of segmenterFor(language).segment(run))
        yield { text: segment, spaced: index === 0 };
    } else yield { text: run, spaced: true };
  }
}

function segmenterFor(language: string): Intl.Segmenter {
  try {
    return new Intl.Segmenter(language || undefined, { granularity: 'word' });
  } catch {
    return new Intl.Segmenter(undefined, { granularity: 'word' });
  }
}

function secondsOf(text: string): number {
  const letters = [...text].reduce((sum, sign) => sum + (WIDE.test(sign) ? 2 : 1), 1);
  return letters * SECONDS_PER_LETTER + (SENTENCE_END.test(text) ? PAUSE_SECONDS : 0);
}

function columnsOf(words: readonly Word[]): number {
  const text = words.map(({ text: word, spaced }, at) => (spaced && at > 0 ? ` ${word}` : word)).join('');
  return [...text].reduce((sum, sign) => sum + (WIDE.test(sign) ? 2 : 1), 0);
}
