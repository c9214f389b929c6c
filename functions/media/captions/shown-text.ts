/** What of a spoken text is shown, word by word. */

/** A word of a text, with the marks around it. */
export interface ShownWord {
  /** Without blanks around it, never empty. */
  text: string;
  /** Where it stands in the text, code units; `to` is the first one behind it. */
  from: number;
  to: number;
  /** Whether a blank stands before it. Chinese, Japanese and Thai write words without. */
  spaced: boolean;
}

/** Control characters, halves of characters, and a mark that is no character of the text. */
const UNSHOWN = /[\p{Cc}\p{Cs}\ufeff]/gu;
/** Such as `<break time="1s" />`, which is for the voice. Not "2 < 3": a name follows. */
const MARKUP = /<[/!?]?[a-z][^<>]{0,200}>/giu;
/** Such as `[laughs]` and `[strong French accent]`: directions for the voice. Not `[1]`. */
const DIRECTION = /\[\p{L}[\p{L}\p{M}\p{N} ,.'’-]{0,60}\]/gu;
/** Scripts that write words without blanks between them. */
const WITHOUT_BLANKS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
/** A piece without any of these belongs to the word before it, or behind it. */
const SPOKEN = /[\p{L}\p{M}\p{N}\p{S}\p{Extended_Pictographic}&@#%]/u;
const OPENING = /^[\p{Ps}\p{Pi}¿¡]+$/u;

/**
 * The words of a text as it was written, without markup and directions for the voice. Empty if it has no word. Never throws:
 * a language that is not known is ignored.
 * @param language BCP 47, such as "pt-BR"
 */
export function shownWords(text: string, language?: string): ShownWord[] {
  const shown = [UNSHOWN, MARKUP, DIRECTION].reduce(blanked, text);
  const words: ShownWord[] = [];
  let opening: ShownWord | undefined;
  for (const piece of pieces(shown, language)) {
    const last = words.at(-1);
    if (SPOKEN.test(piece.text)) {
      words.push(opening === undefined ? piece : joined(opening, piece));
      opening = undefined;
    } else if (last === undefined || opening !== undefined || OPENING.test(piece.text)) {
      opening = opening === undefined ? piece : joined(opening, piece);
    } else {
      words[words.length - 1] = joined(last, piece);
    }
  }
  const last = words.at(-1);
  if (last !== undefined && opening !== undefined) words[words.length - 1] = joined(last, opening);
  return words;
}

/** The text keeps its length, so that all else stays in its place. */
function blanked(text: string, what: RegExp): string {
  return text.replace(what, (found) => ' '.repeat(found.length));
}

function* pieces(text: string, language: string | undefined): Generator<ShownWord> {
  let segmenter: Intl.Segmenter | undefined;
  for (const { 0: run, index } of text.matchAll(/\S+/g)) {
    // The first word of a text has no word before it, and the blank makes no difference.
    if (!WITHOUT_BLANKS.test(run)) {
      yield { text: run, from: index, to: index + run.length, spaced: true };
      continue;
    }
    segmenter ??= segmenterFor(language);
    for (const { segment, index: within } of segmenter.segment(run)) {
      const from = index + within;
      yield { text: segment, from, to: from + segment.length, spaced: within === 0 };
    }
  }
}

function segmenterFor(language: string | undefined): Intl.Segmenter {
  try {
    return new Intl.Segmenter(language, { granularity: 'word' });
  } catch {
    return new Intl.Segmenter(undefined, { granularity: 'word' });
  }
}

function joined(first: ShownWord, second: ShownWord): ShownWord {
  const text = `${first.text}${second.spaced ? ' ' : ''}${second.text}`;
  return { text, from: first.from, to: second.to, spaced: first.spaced };
}
