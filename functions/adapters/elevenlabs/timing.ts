import type { Spoken } from '../../model/speech.ts';

/** When each character of the text is spoken, in ElevenLabs' form: three lists of one length, in seconds. */
export interface Alignment {
  characters: readonly string[];
  characterStartTimesSeconds: readonly number[];
  characterEndTimesSeconds: readonly number[];
}

/** Scripts without blanks between words: each of their characters counts as a word, so that none of its times is lost. */
const WITHOUT_BLANKS =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;

/**
 * The words between spaces, from the start of their first character to the end of their last. Null if the
 * alignment is missing, inconsistent, or without a word: a wrong caption is worse than none.
 */
export function wordsOf(alignment: Alignment | undefined): Spoken['timing'] {
  if (!alignment) return null;
  const { characters, characterStartTimesSeconds: starts, characterEndTimesSeconds: ends } = alignment;
  if (starts.length !== characters.length || ends.length !== characters.length) return null;
  if (![...starts, ...ends].every(Number.isFinite)) return null;
  const words: NonNullable<Spoken['timing']> = [];
  let inWord = false;
  let isAlone = false;
  for (const [at, character] of characters.entries()) {
    const start = starts[at] as number;
    const end = ends[at] as number;
    const last = words.at(-1);
    if (character.trim() === '') {
      inWord = false;
    } else if (inWord && last && !isAlone && !WITHOUT_BLANKS.test(character)) {
      last.text += character;
      last.end = end;
    } else {
      words.push({ text: character, start, end });
      inWord = true;
      isAlone = WITHOUT_BLANKS.test(character);
    }
  }
  return words.length === 0 ? null : words;
}
