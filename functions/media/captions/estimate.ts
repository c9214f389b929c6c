/** Estimates when the words of a line are spoken, from its text and from where its sound is not silent. */
import type { ShownWord } from './shown-text.ts';

/** Seconds. */
export interface Stretch {
  start: number;
  end: number;
}

/** After these a voice pauses. */
const PAUSE = /[.,;:!?…。、，；：！？؟،۔।—–]["'”’»)\]]*$/u;
/** How far, in seconds, a pause in the sound may be from where the text has one. Farther away it is another one. */
const FARTHEST = 0.8;
/** What each word takes besides its letters, in letters. */
const BETWEEN = 0.5;
/** Digits and signs are read as words, pictures are named. */
const DIGIT = 3;
const PICTURE = 4;
/** A sign of these scripts is a syllable. */
const SYLLABLE = 2;

/** How long a word takes, in letters. */
export function weightOf(text: string): number {
  let weight = BETWEEN;
  for (const character of text) {
    if (/[\p{Nd}\p{S}&@#%]/u.test(character) && !/\p{Extended_Pictographic}/u.test(character))
      weight += DIGIT;
    else if (/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u.test(character))
      weight += SYLLABLE;
    else if (/[\p{L}\p{N}]/u.test(character)) weight += 1;
    else if (/\p{Extended_Pictographic}/u.test(character)) weight += PICTURE;
  }
  return weight;
}

/**
 * Letters are spread evenly over what is heard. Where the text has a pause and the sound has one nearby, they are the same.
 * @param heard in order; at least one, with a pause before each but the first
 */
export function estimatedTimes(words: readonly ShownWord[], heard: readonly Stretch[]): Stretch[] {
  const film = new Voice(heard);
  const weights = words.map(({ text }) => weightOf(text));
  const ends: number[] = [];
  for (const weight of weights) ends.push((ends.at(-1) ?? 0) + weight);
  const all = ends.at(-1) ?? 0;
  const pauses = ends.slice(0, -1).filter((_, at) => PAUSE.test((words[at] as ShownWord).text));
  // From letters to time without pauses: known at both ends, and at each pause that is found in the sound.
  const found = matched(
    pauses.map((weight) => (weight / all) * film.seconds),
    film.pauses,
  );
  const known = [
    { weight: 0, at: 0 },
    ...pauses.flatMap((weight, number) => {
      const at = found[number];
      return at === undefined ? [] : [{ weight, at }];
    }),
    { weight: all, at: film.seconds },
  ];
  const spoken = (weight: number) => {
    const next = Math.max(
      1,
      known.findIndex((one) => one.weight >= weight),
    );
    const [from, to] = [known[next - 1], known[next]] as [(typeof known)[0], (typeof known)[0]];
    const share = to.weight === from.weight ? 0 : (weight - from.weight) / (to.weight - from.weight);
    return from.at + share * (to.at - from.at);
  };
  return ends.map((end, at) => ({
    start: film.after(spoken(end - (weights[at] as number))),
    end: film.before(spoken(end)),
  }));
}

/** What is heard of a sound, by its own clock, which stands still during pauses. */
class Voice {
  readonly seconds: number;
  /** By its clock. */
  readonly pauses: readonly number[];
  readonly #parts: readonly { from: number; to: number; start: number }[];

  constructor(heard: readonly Stretch[]) {
    let clock = 0;
    this.#parts = heard.map(({ start, end }) => {
      const from = clock;
      clock += end - start;
      return { from, to: clock, start };
    });
    this.seconds = clock;
    this.pauses = this.#parts.slice(1).map(({ from }) => from);
  }

  /** The time of the sound; after a pause that is there. */
  after(clock: number): number {
    // Sums of seconds differ in their last digits.
    const part = this.#parts.findLast(({ from }) => from <= clock + 1e-6);
    return part === undefined ? 0 : part.start + Math.max(0, clock - part.from);
  }

  /** The same before a pause. */
  before(clock: number): number {
    const part = this.#parts.find(({ to }) => to >= clock - 1e-6) ?? this.#parts.at(-1);
    return part === undefined ? 0 : part.start + Math.min(clock, part.to) - part.from;
  }
}

/**
 * For each wanted time the found one that belongs to it, or undefined: all in order, none twice, as near as possible.
 * @param wanted ascending @param found ascending
 */
export function matched(wanted: readonly number[], found: readonly number[]): (number | undefined)[] {
  const width = found.length + 1;
  // Least cost of the first so many wanted ones with the first so many found ones.
  const costs = new Float64Array((wanted.length + 1) * width);
  const cost = (own: number, other: number) => {
    const apart = Math.abs((wanted[own] as number) - (found[other] as number));
    return apart > FARTHEST ? Number.POSITIVE_INFINITY : apart ** 2;
  };
  for (let own = 1; own <= wanted.length; own++) {
    for (let other = 0; other <= found.length; other++) {
      const without = (costs[(own - 1) * width + other] as number) + FARTHEST ** 2;
      const [less, both] =
        other === 0
          ? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
          : [
              costs[own * width + other - 1] as number,
              (costs[(own - 1) * width + other - 1] as number) + cost(own - 1, other - 1),
            ];
      costs[own * width + other] = Math.min(without, less, both);
    }
  }
  const result = new Array<number | undefined>(wanted.length).fill(undefined);
  for (let own = wanted.length, other = found.length; own > 0 && other > 0; ) {
    const here = costs[own * width + other] as number;
    if (here === costs[own * width + other - 1]) other -= 1;
    else if (here === (costs[(own - 1) * width + other - 1] as number) + cost(own - 1, other - 1)) {
      result[own - 1] = found[other - 1];
      own -= 1;
      other -= 1;
    } else own -= 1;
  }
  return result;
}
