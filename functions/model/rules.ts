/** What a rule of a request means for the clips of the blocks. */
import type { PlacedRule } from './allowed-combinations.ts';
import { clipName, givenName } from './clip-name.ts';

/** Some of the blocks, by name, each with the name of a clip or its number in the block, from 1. */
export type PartialCombination = Readonly<Record<string, string | number>>;

/** A block as rules see it. */
export interface NamedClips {
  name: string;
  clips: readonly { name: string }[];
}

export function placedRule(rule: PartialCombination, blocks: readonly NamedClips[]): PlacedRule {
  return blocks.map(({ name, clips }) =>
    // A block may be called as something that every object has.
    Object.hasOwn(rule, name) ? new Set(placesOf(rule[name] as string | number, clips)) : undefined,
  );
}

/** Clips of that number or name, as places in the block: several may have the same name. */
export function placesOf(wanted: string | number, clips: NamedClips['clips']): number[] {
  if (typeof wanted === 'number') return wanted >= 1 && wanted <= clips.length ? [wanted - 1] : [];
  const placesWhere = (matches: (name: string) => boolean) =>
    clips.flatMap(({ name }, place) => (matches(name) ? [place] : []));
  const exact = placesWhere((name) => name === wanted);
  if (exact.length > 0) return exact;
  // The name of the file, or a name as file names show it.
  const shown = [clipName(wanted), givenName(wanted)];
  return placesWhere((name) => shown.includes(name) || clipName(name) === wanted);
}
