/** Which combinations of clips are made: rules and an even sample. */

/** Some of the blocks, by name, each with the name of a clip or its number in the block, from 1. */
export type PartialCombination = Readonly<Record<string, string | number>>;

export interface SelectionRules {
  /** At most so many combinations of clips, each clip equally often, give or take one; absent: all. */
  limit?: number;
  /** Left out. */
  exclude?: readonly PartialCombination[];
  /** Only these; absent: all. */
  include?: readonly PartialCombination[];
}

/** Of tracks and lines: one for each combination, drawn at random, or each with each combination. */
export interface SelectionModes {
  tracks: 'random' | 'each';
  lines: 'random' | 'each';
}

export const RANDOM_SELECTION: SelectionModes = { tracks: 'random', lines: 'random' };

/** A block as rules see it. */
export interface NamedClips {
  name: string;
  clips: readonly { name: string }[];
}

/**
 * Combinations as places in their blocks, in the order in which the last block changes fastest. The same input gives the
 * same ones.
 */
export function selectedCombinations(
  blocks: readonly NamedClips[],
  rules: SelectionRules,
  _seed: number,
): number[][] {
  const all: number[][] = [];
  const total = blocks.reduce((product, { clips }) => product * clips.length, 1);
  for (let at = 0; at < total; at++) {
    const places = placesAt(blocks, at);
    if (!isWanted(blocks, places, rules)) continue;
    all.push(places);
    if (all.length === rules.limit) break;
  }
  return all;
}

/** Reads `at` as a number with one digit per block; the last block is the lowest digit. */
function placesAt(blocks: readonly NamedClips[], at: number): number[] {
  const places: number[] = [];
  let rest = at;
  for (const { clips } of blocks.toReversed()) {
    places.unshift(rest % clips.length);
    rest = Math.floor(rest / clips.length);
  }
  return places;
}

function isWanted(
  blocks: readonly NamedClips[],
  places: readonly number[],
  { include, exclude = [] }: SelectionRules,
): boolean {
  const matches = (rule: PartialCombination) =>
    blocks.every(({ name, clips }, at) => {
      const wanted = rule[name];
      const place = places[at] as number;
      return (
        wanted === undefined ||
        (typeof wanted === 'number' ? wanted === place + 1 : wanted === clips[place]?.name)
      );
    });
  return (include === undefined || include.some(matches)) && !exclude.some(matches);
}
