/** Which combinations of clips are made: rules and an even sample. */
import { allowedCombinations, eachAllowed, usableClips, type Ways } from './allowed-combinations.ts';
import { evenSample } from './even-sample.ts';
import { seededRandom } from './random.ts';
import { type NamedClips, type PartialCombination, placedRules } from './rules.ts';
import { sampleAllowed } from './sample-allowed.ts';

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

/**
 * Combinations as places in their blocks, in the order in which the last block changes fastest. The same input gives the
 * same ones. Expects rules that passed the checks.
 */
export function selectedCombinations(
  blocks: readonly NamedClips[],
  rules: SelectionRules,
  seed: number,
): number[][] {
  const sizes = blocks.map(({ clips }) => clips.length);
  const root = allowedBy(blocks, rules);
  if (root === 'intricate') throw new Error('Expected rules that were checked, got intricate ones');
  const { limit } = rules;
  if (root === null || limit === undefined || root.count <= limit) return [...eachAllowed(root, sizes)];
  return sample(root, sizes, limit, seed).toSorted(byPlaces);
}

/** What the rules allow, whatever the limit; null: nothing, 'intricate': too much work to say. */
export function allowedBy(
  blocks: readonly NamedClips[],
  { include, exclude = [] }: SelectionRules,
): Ways | null | 'intricate' {
  return allowedCombinations(
    blocks.map(({ clips }) => clips.length),
    include && placedRules(include, blocks),
    placedRules(exclude, blocks),
  );
}

function sample(root: Ways, sizes: readonly number[], limit: number, seed: number): number[][] {
  const random = seededRandom(seed, 'limit');
  const usable = usableClips(root, sizes);
  const product = usable.reduce((count, places) => count * BigInt(places.length), 1n);
  // The rules leave out single clips at most: of the others, every combination is allowed.
  if (product !== root.count) return sampleAllowed(root, usable, limit, random);
  const lengths = usable.map((places) => places.length);
  return evenSample(lengths, limit, random).map((chosen) =>
    chosen.map((at, block) => usable[block]?.[at] as number),
  );
}

function byPlaces(one: readonly number[], other: readonly number[]): number {
  const differing = one.findIndex((place, block) => place !== other[block]);
  return differing < 0 ? 0 : (one[differing] as number) - (other[differing] as number);
}
