/** What a rule of a request means for the clips of the blocks. */
import type { PlacedRule } from './allowed-combinations.ts';
import { clipName, givenName } from './clip-name.ts';

/** Pairs of an include and an exclude that are compared. Nobody reads as many by eye. */
const MAX_PAIRS = 10_000;

/** Some of the blocks, by name, each with the name of a clip or its number in the block, from 1. */
export type PartialCombination = Readonly<Record<string, string | number>>;

/** A block as rules see it. */
export interface NamedClips {
  name: string;
  clips: readonly { name: string }[];
}

export function placedRules(
  rules: readonly PartialCombination[],
  blocks: readonly NamedClips[],
): PlacedRule[] {
  const finders = blocks.map(({ name, clips }) => {
    const finder = new ClipFinder(clips);
    // One set for all rules that name the same, as a name may stand for all clips of a block.
    const known = new Map<string | number, ReadonlySet<number>>();
    const placesOf = (wanted: string | number) => {
      const places = known.get(wanted) ?? new Set(finder.placesOf(wanted));
      known.set(wanted, places);
      return places;
    };
    return { name, placesOf };
  });
  return rules.map((rule) =>
    finders.map(({ name, placesOf }) =>
      // A block may be called as something that every object has.
      Object.hasOwn(rule, name) ? placesOf(rule[name] as string | number) : undefined,
    ),
  );
}

/** Finds clips of a block. Made once for many rules. */
export class ClipFinder {
  readonly #count: number;
  readonly #byName = new Map<string, number[]>();
  readonly #byShown = new Map<string, number[]>();

  constructor(clips: NamedClips['clips']) {
    this.#count = clips.length;
    for (const [place, { name }] of clips.entries()) {
      add(this.#byName, name, place);
      add(this.#byShown, clipName(name), place);
    }
  }

  /** Clips of that number or name, as places in the block: several may have the same name. */
  placesOf(wanted: string | number): readonly number[] {
    if (typeof wanted === 'number') return wanted >= 1 && wanted <= this.#count ? [wanted - 1] : [];
    // As the caller wrote it, as file names show it, or as the file is called.
    return (
      this.#byName.get(wanted) ??
      this.#byShown.get(wanted) ??
      this.#byName.get(clipName(wanted)) ??
      this.#byName.get(givenName(wanted)) ??
      []
    );
  }
}

function add(places: Map<string, number[]>, name: string, place: number): void {
  const known = places.get(name);
  if (known === undefined) places.set(name, [place]);
  else known.push(place);
}

/** Rules that change nothing: an exclude that include leaves nothing for, an include that an exclude takes back. */
export function ruleWarnings(
  {
    include,
    exclude = [],
  }: { include?: readonly PartialCombination[]; exclude?: readonly PartialCombination[] },
  blocks: readonly NamedClips[],
): string[] {
  if (include === undefined || include.length * exclude.length > MAX_PAIRS) return [];
  const [included, excluded] = [placedRules(include, blocks), placedRules(exclude, blocks)];
  const useless = excluded.flatMap((rule, at) =>
    included.some((other) => meet(rule, other))
      ? []
      : [`/exclude/${at}: include allows nothing that it could leave out; it changes nothing.`],
  );
  const vain = included.flatMap((rule, at) =>
    excluded.some((other) => isWithin(rule, other))
      ? [`/include/${at}: exclude leaves out all that it allows; it changes nothing.`]
      : [],
  );
  return [...useless, ...vain];
}

/** Whether some combination matches both. */
function meet(one: PlacedRule, other: PlacedRule): boolean {
  return one.every((places, block) => {
    const others = other[block];
    return places === undefined || others === undefined || [...places].some((place) => others.has(place));
  });
}

/** Whether all that matches one matches the other, as far as a look at each block tells. */
function isWithin(one: PlacedRule, other: PlacedRule): boolean {
  return one.every((places, block) => {
    const others = other[block];
    return others === undefined || (places !== undefined && [...places].every((place) => others.has(place)));
  });
}
