/** When each word of a line is spoken. */
import type { Spoken } from '../../model/speech.ts';
import { estimatedTimes, type Stretch, weightOf } from './estimate.ts';
import { type ShownWord, shownWords } from './shown-text.ts';

export interface CaptionWord {
  /** As the caller wrote it, with the marks around it. */
  text: string;
  /** Whether a blank stands before it, unless it is the first one that is shown. */
  spaced: boolean;
  /** Seconds from the start of the line, or of the video once they are placed there. */
  start: number;
  end: number;
}

export interface CaptionWords {
  /** In order: none begins before the one before it ends. */
  words: CaptionWord[];
  /** The voice does not say when it speaks which word, so the times are estimated. */
  estimated: boolean;
}

export interface SpokenLine {
  text: string;
  /** BCP 47; helps to find the words of a script without blanks. */
  language?: string;
  timing: Spoken['timing'];
  /** Of its sound. */
  seconds: number;
  /** Where the sound is not silent, for a line without timing; absent: all of it. */
  heard?: readonly Stretch[];
}

interface Times {
  start: number;
  end: number;
}

/** A word that is shorter cannot be seen. */
const LEAST_SECONDS = 0.01;
/** If less of the text was found in the timing, that belongs to another text. */
const LEAST_FOUND = 0.5;

/** The words that are shown of a line, none if it has none. What is shown is its text, whatever the voice made of it. */
export function wordsOf(line: SpokenLine): CaptionWords {
  const shown = shownWords(line.text, line.language);
  const told = line.timing === null ? undefined : toldTimes(line.text, shown, line.timing);
  const times = told ?? estimatedTimes(shown, line.heard ?? [{ start: 0, end: line.seconds }]);
  const words = shown.map(({ text, spaced }, at) => ({ text, spaced, ...(times[at] as Times) }));
  return { words: inOrder(words, line.seconds), estimated: told === undefined };
}

/** As they are in the video: later by the offset, and without what comes after its end. @param seconds of the video */
export function placedWords(words: readonly CaptionWord[], offset: number, seconds: number): CaptionWord[] {
  return words
    .map((word) => ({ ...word, start: word.start + offset, end: Math.min(word.end + offset, seconds) }))
    .filter(({ start, end }) => end - start >= LEAST_SECONDS / 2);
}

/** Undefined if the timing belongs to another text. */
function toldTimes(
  text: string,
  shown: readonly ShownWord[],
  timing: NonNullable<Spoken['timing']>,
): Times[] | undefined {
  const told = timesOfCharacters(text, timing);
  const found = shown.map(({ from, to }) => {
    const within = told.slice(from, to).filter((times) => times !== undefined);
    const [first, last] = [within[0], within.at(-1)];
    return first === undefined || last === undefined ? undefined : { start: first.start, end: last.end };
  });
  const count = found.filter((times) => times !== undefined).length;
  return count === 0 || count < shown.length * LEAST_FOUND ? undefined : filled(shown, found);
}

/** Of each code unit of the text; undefined for blanks and for what the timing does not have. */
function timesOfCharacters(text: string, timing: NonNullable<Spoken['timing']>): (Times | undefined)[] {
  const told = timing.flatMap(({ text: word, start, end }) => {
    const characters = word.match(/\S/gu) ?? [];
    const each = (end - start) / characters.length;
    return characters.map((character, at) => ({
      character,
      start: start + at * each,
      end: start + (at + 1) * each,
    }));
  });
  const wanted = [...text.matchAll(/\S/gu)];
  const times = new Array<Times | undefined>(text.length).fill(undefined);
  const isSame = (here: number, there: number) => wanted[here]?.[0] === told[there]?.character;
  let [here, there] = [0, 0];
  while (here < wanted.length && there < told.length) {
    if (!isSame(here, there)) {
      const step = nextSame(here, there, isSame, { here: wanted.length, there: told.length });
      if (step === undefined) break;
      [here, there] = step;
      continue;
    }
    const { start, end } = told[there] as Times;
    times[(wanted[here] as RegExpExecArray).index] = { start, end };
    here += 1;
    there += 1;
  }
  return times;
}

/** Characters that must be the same for two texts to go on together, and how far behind a difference they are looked for. */
const GO_ON = 3;
const FARTHEST = 200;

function nextSame(
  here: number,
  there: number,
  isSame: (here: number, there: number) => boolean,
  ends: { here: number; there: number },
): [here: number, there: number] | undefined {
  for (let far = 1; far <= FARTHEST; far++) {
    for (let skipped = 0; skipped <= far; skipped++) {
      const [a, b] = [here + skipped, there + far - skipped];
      const length = Math.min(GO_ON, ends.here - a, ends.there - b);
      if (length <= 0) continue;
      let same = 0;
      while (same < length && isSame(a + same, b + same)) same += 1;
      if (same === length) return [a, b];
    }
  }
  return undefined;
}

/** Words that were not found share the time between their neighbours by their length. */
function filled(shown: readonly ShownWord[], found: readonly (Times | undefined)[]): Times[] {
  const times: Times[] = [];
  const lastEnd = found.findLast((one) => one !== undefined)?.end ?? 0;
  for (let at = 0; at < found.length; at++) {
    const own = found[at];
    if (own !== undefined) {
      times.push(own);
      continue;
    }
    const next = found.findIndex((one, number) => number > at && one !== undefined);
    const start = times.at(-1)?.end ?? 0;
    const end = next < 0 ? lastEnd : (found[next] as Times).start;
    const open = shown.slice(at, next < 0 ? undefined : next).map(({ text }) => weightOf(text));
    const all = open.reduce((sum, weight) => sum + weight, 0);
    times.push({ start, end: start + (Math.max(0, end - start) * (open[0] as number)) / all });
  }
  return times;
}

/** Each begins where the one before it has ended, or later, and ends with the sound at the latest. */
function inOrder(words: readonly CaptionWord[], seconds: number): CaptionWord[] {
  const ordered: CaptionWord[] = [];
  let least = 0;
  for (const [at, { start, ...word }] of words.entries()) {
    // Room for those that follow, as far as there is any.
    const most = Math.max(least, seconds - (words.length - at) * LEAST_SECONDS);
    const begin = Math.min(Math.max(start, least), most);
    least = begin + LEAST_SECONDS;
    ordered.push({ ...word, start: begin });
  }
  return ordered.map((word, at) => {
    const next = ordered[at + 1]?.start ?? Math.max(seconds, word.start + LEAST_SECONDS);
    return { ...word, end: Math.min(Math.max(word.end, word.start + LEAST_SECONDS), next) };
  });
}
