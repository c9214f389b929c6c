/** An even sample of the combinations that rules allow, as even as is found with bounded work. */
import { type Ways, wayOn } from './allowed-combinations.ts';
import { ChosenCombinations } from './chosen-combinations.ts';
import { exchangeAny, exchangeInBlocks } from './exchanges.ts';
import { LeastUsed } from './least-used.ts';
import type { Random } from './random.ts';

/**
 * `count` different combinations, as places in their blocks. First each block in turn gives the least used of the clips that
 * lead to a combination that is not chosen yet. Then combinations are exchanged for others, as long as that makes the uses
 * more even.
 *
 * @param root with more than `count` combinations
 * @param usable of each block, the clips that are in any combination
 */
export function sampleAllowed(
  root: Ways,
  usable: readonly (readonly number[])[],
  count: number,
  random: Random,
): number[][] {
  const chosen = new ChosenCombinations();
  const blocks = usable.map((places) => new LeastUsed(places, random));
  const sample = Array.from({ length: count }, () => {
    const places = leastUsed(root, blocks, chosen);
    chosen.add(places);
    for (const [block, place] of places.entries()) blocks[block]?.use(place);
    return places;
  });
  exchangeInBlocks(sample, root, usable, chosen);
  exchangeAny(sample, root, usable, chosen);
  return sample;
}

function leastUsed(root: Ways, blocks: readonly LeastUsed[], chosen: ChosenCombinations): number[] {
  let ways = root;
  const places: number[] = [];
  for (const block of blocks) {
    for (const place of block.inOrder()) {
      const next = wayOn(ways, place);
      if (next === null || next.count <= chosen.countOf([...places, place])) continue;
      places.push(place);
      ways = next;
      break;
    }
  }
  return places;
}
