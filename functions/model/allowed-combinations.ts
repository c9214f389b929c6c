/**
 * All combinations that rules allow, without listing them: a graph whose ways from the root to the end are these
 * combinations, one step per block. Where the same rules are still open, ways share what follows, so that rules over 10^30
 * combinations take few nodes.
 */

/** What a rule says of each block: the clips that match, as places in the block; undefined: any. */
export type PlacedRule = readonly (ReadonlySet<number> | undefined)[];

/** The ways on from where some clips of the first blocks are chosen. */
export interface Ways {
  /** How many combinations go on from here; at least 1. */
  readonly count: bigint;
  /** Where the clips that no open rule names lead to; null: to no combination. */
  readonly usual: Ways | null;
  /** Where each of the others leads to. */
  readonly special: ReadonlyMap<number, Ways | null>;
}

/** Far more than a person writes by hand; takes about a tenth of a second. */
const MAX_STEPS = 500_000;
const END: Ways = { count: 1n, usual: null, special: new Map() };

/** What is left of a rule from some block on. Equal ones are one object. */
interface Rest {
  id: number;
  places: ReadonlySet<number> | undefined;
  /** From the next block on. */
  rest: Rest;
}

/** A rule that matches whatever comes. */
const MATCHED = { id: 0 } as Rest;
MATCHED.rest = MATCHED;

/**
 * The root; null if nothing is allowed, and 'intricate' if that takes more than MAX_STEPS to find out.
 * @param sizes clips per block
 * @param include undefined: all are allowed that `exclude` does not match
 */
export function allowedCombinations(
  sizes: readonly number[],
  include: readonly PlacedRule[] | undefined,
  exclude: readonly PlacedRule[],
): Ways | null | 'intricate' {
  const rests = new Rests();
  const builder = new Builder(sizes);
  const restsOf = (rules: readonly PlacedRule[]) => [...new Set(rules.map((rule) => rests.of(rule)))];
  const root = builder.ways(0, include === undefined ? [MATCHED] : restsOf(include), restsOf(exclude));
  return builder.isOverworked ? 'intricate' : root;
}

/** Where a clip leads to. */
export function wayOn({ usual, special }: Ways, place: number): Ways | null {
  const found = special.get(place);
  return found === undefined ? usual : found;
}

/** Every combination, the last block changing fastest. */
export function* eachAllowed(root: Ways | null, sizes: readonly number[]): Generator<number[]> {
  if (root === null) return;
  const [size, ...others] = sizes;
  if (size === undefined) {
    yield [];
    return;
  }
  for (let place = 0; place < size; place++) {
    for (const rest of eachAllowed(wayOn(root, place), others)) yield [place, ...rest];
  }
}

/** Of each block, the clips that are in any combination, in order. */
export function usableClips(root: Ways | null, sizes: readonly number[]): number[][] {
  let level = new Set(root === null ? [] : [root]);
  return sizes.map((size) => {
    let unused = new Set(Array.from({ length: size }, (_, place) => place));
    const next = new Set<Ways>();
    for (const { usual, special } of level) {
      if (usual !== null) {
        next.add(usual);
        unused = new Set([...special.keys()].filter((place) => unused.has(place)));
      }
      for (const [place, ways] of special) {
        if (ways === null) continue;
        next.add(ways);
        unused.delete(place);
      }
    }
    level = next;
    return Array.from({ length: size }, (_, place) => place).filter((place) => !unused.has(place));
  });
}

class Rests {
  readonly #known = new Map<string, Rest>();
  readonly #names = new Map<ReadonlySet<number>, string>();

  of(rule: PlacedRule): Rest {
    return rule.reduceRight<Rest>((rest, places) => {
      if (places === undefined && rest === MATCHED) return MATCHED;
      const key = `${places === undefined ? '' : this.#nameOf(places)} ${rest.id}`;
      const known = this.#known.get(key) ?? { id: this.#known.size + 1, places, rest };
      this.#known.set(key, known);
      return known;
    }, MATCHED);
  }

  #nameOf(places: ReadonlySet<number>): string {
    const name = this.#names.get(places) ?? [...places].join();
    this.#names.set(places, name);
    return name;
  }
}

class Builder {
  readonly #sizes: readonly number[];
  readonly #known = new Map<string, Ways | null>();
  #steps = 0;

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
  }

  get isOverworked(): boolean {
    return this.#steps > MAX_STEPS;
  }

  /** @param include one of these must match; @param exclude none of these may */
  ways(block: number, include: readonly Rest[], exclude: readonly Rest[]): Ways | null {
    if (include.length === 0 || exclude.includes(MATCHED) || this.isOverworked) return null;
    const size = this.#sizes[block];
    if (size === undefined) return END;
    const included = include.includes(MATCHED) ? [MATCHED] : include;
    const key = `${block} ${idsOf(included)} ${idsOf(exclude)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#make(block, size, this.#after(included), this.#after(exclude));
    this.#known.set(key, made);
    return made;
  }

  #make(block: number, size: number, include: After, exclude: After): Ways | null {
    const named = new Set([...include.at.keys(), ...exclude.at.keys()]);
    const on = (place: number) => this.ways(block + 1, this.#at(include, place), this.#at(exclude, place));
    const special = new Map([...named].map((place) => [place, on(place)]));
    // No clip has this place.
    const usual = named.size < size ? on(-1) : null;
    let count = (usual?.count ?? 0n) * BigInt(size - named.size);
    for (const ways of special.values()) count += ways?.count ?? 0n;
    return count === 0n ? null : { count, usual, special };
  }

  #after(rules: readonly Rest[]): After {
    const usual = new Set<Rest>();
    const at = new Map<number, Rest[]>();
    for (const { places, rest } of rules) {
      if (places === undefined) usual.add(rest);
      for (const place of places ?? []) {
        const rests = at.get(place) ?? [];
        rests.push(rest);
        at.set(place, rests);
      }
      this.#steps += 1 + (places?.size ?? 0);
    }
    return { usual, at };
  }

  #at({ usual, at }: After, place: number): Rest[] {
    const rests = [...new Set([...usual, ...(at.get(place) ?? [])])];
    this.#steps += 1 + rests.length;
    return rests;
  }
}

/** What is left of rules after a block. */
interface After {
  /** Of those that do not name the block. */
  usual: ReadonlySet<Rest>;
  /** Of the others, by the clip that is chosen. */
  at: ReadonlyMap<number, Rest[]>;
}

function idsOf(rests: readonly Rest[]): string {
  return rests
    .map(({ id }) => id)
    .toSorted((one, other) => one - other)
    .join();
}
