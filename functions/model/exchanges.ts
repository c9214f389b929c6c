/** Exchanges chosen combinations for others that rules allow, so that the clips of each block are used more evenly. */
import { eachAllowed, type Ways, wayOn } from './allowed-combinations.ts';
import type { ChosenCombinations } from './chosen-combinations.ts';

/** Combinations that are looked at; takes about a tenth of a second. */
const MAX_LOOKS = 100_000;
/** Pairs of a chosen combination and another one; takes about as long. */
const MAX_PAIRS = 500_000;
/** Where the rules allow more, nearly every exchange within one block is possible. */
const MAX_LISTED = 20_000;

type Places = readonly number[];

interface Exchange {
  /** Of the combination, in the sample. */
  at: number;
  from: number;
  to: number;
}

/**
 * Exchanges combinations for others that differ from them in one block, which leaves the uses in the other blocks as they are,
 * until no clip is used twice more often than another one, or no such exchange helps.
 */
export function exchangeInBlocks(
  sample: Places[],
  root: Ways,
  usable: readonly Places[],
  chosen: ChosenCombinations,
): void {
  let looks = 0;
  const isFree = (places: Places) => {
    looks++;
    let ways: Ways | null = root;
    for (const place of places) ways = ways && wayOn(ways, place);
    return ways !== null && chosen.countOf(places) === 0;
  };
  for (const [block, clips] of usable.entries()) {
    const uses = usesIn(sample, block);
    const usesOf = (clip: number) => uses.get(clip) ?? 0;
    let chain: Exchange[] | undefined;
    do {
      const most = Math.max(...uses.values());
      const poor = clips.filter((clip) => usesOf(clip) + 2 <= most).toSorted((a, b) => usesOf(a) - usesOf(b));
      chain = undefined;
      for (const clip of poor) {
        if (looks < MAX_LOOKS) chain ??= chainTo(clip, block, sample, usesOf, isFree);
      }
      for (const { at, from, to } of chain ?? []) {
        const places = sample[at] as Places;
        const other = places.with(block, to);
        sample[at] = other;
        chosen.remove(places);
        chosen.add(other);
        uses.set(from, usesOf(from) - 1);
        uses.set(to, usesOf(to) + 1);
      }
    } while (chain !== undefined);
  }
}

/**
 * The fewest exchanges that take a use from a clip with at least two more and give it to `clip`; undefined: there are none.
 */
function chainTo(
  clip: number,
  block: number,
  sample: readonly Places[],
  usesOf: (clip: number) => number,
  isFree: (places: Places) => boolean,
): Exchange[] | undefined {
  const exchanges = new Map<number, Exchange | undefined>([[clip, undefined]]);
  for (const to of exchanges.keys()) {
    for (const [at, places] of sample.entries()) {
      const from = places[block] as number;
      if (exchanges.has(from) || !isFree(places.with(block, to))) continue;
      exchanges.set(from, { at, from, to });
      if (usesOf(from) >= usesOf(clip) + 2) return chainFrom(from, exchanges);
    }
  }
  return undefined;
}

function chainFrom(first: number, exchanges: ReadonlyMap<number, Exchange | undefined>): Exchange[] {
  const chain: Exchange[] = [];
  for (let next = exchanges.get(first); next !== undefined; next = exchanges.get(next.to)) chain.push(next);
  return chain;
}

/** Where rules allow few combinations: exchanges any for any, as long as the sum of the squares of all uses gets less. */
export function exchangeAny(
  sample: Places[],
  root: Ways,
  usable: readonly Places[],
  chosen: ChosenCombinations,
): void {
  const uses = usable.map((_, block) => usesIn(sample, block));
  const usesOf = (block: number, clip: number) => uses[block]?.get(clip) ?? 0;
  const isUneven = usable.some((clips, block) => {
    const all = clips.map((clip) => usesOf(block, clip));
    return Math.max(...all) - Math.min(...all) > 1;
  });
  if (!isUneven || root.count > MAX_LISTED) return;
  const sizes = usable.map((clips) => Math.max(...clips) + 1);
  const others = [...eachAllowed(root, sizes)].filter((places) => chosen.countOf(places) === 0);
  const gain = (from: Places, to: Places) =>
    from.reduce(
      (sum, clip, block) =>
        clip === to[block] ? sum : sum + usesOf(block, clip) - usesOf(block, to[block] as number) - 1,
      0,
    );
  let pairs = 0;
  for (let gained = true; gained && pairs < MAX_PAIRS; ) {
    gained = false;
    for (const [free, to] of others.entries()) {
      pairs += sample.length;
      if (pairs > MAX_PAIRS) break;
      const at = sample.findIndex((from) => gain(from, to) > 0);
      const from = sample[at];
      if (from === undefined) continue;
      gained = true;
      sample[at] = to;
      others[free] = [...from];
      for (const [block, clip] of from.entries()) {
        uses[block]?.set(clip, usesOf(block, clip) - 1);
        const other = to[block] as number;
        uses[block]?.set(other, usesOf(block, other) + 1);
      }
    }
  }
}

function usesIn(sample: readonly Places[], block: number): Map<number, number> {
  const uses = new Map<number, number>();
  for (const places of sample) {
    const clip = places[block] as number;
    uses.set(clip, (uses.get(clip) ?? 0) + 1);
  }
  return uses;
}
