/** Makes all choices of a task. */
import type { CaptionChoices } from './captions.ts';
import type { Format } from './formats.ts';
import type { Overlay } from './overlays.ts';
import {
  type ClipChoices,
  type Combination,
  type CoverChoices,
  type Line,
  type Plan,
  type SoundChoices,
  type Source,
  type WantedOutput,
  withUsedSources,
} from './plan.ts';
import { bagDraw, seededRandom } from './random.ts';
import {
  RANDOM_SELECTION,
  type SelectionModes,
  type SelectionRules,
  selectedCombinations,
} from './selection.ts';
import type { SourceAddress } from './source-location.ts';
import type { Target } from './targets.ts';

/** What a plan is made from. */
export interface PlanInput {
  blocks: readonly { name: string; clips: readonly ClipChoices[] }[];
  tracks: readonly ClipChoices[];
  lines: readonly Line[];
  output: WantedOutput;
  sound: SoundChoices;
  seed: number;
  targets?: readonly Target[];
  /** Two or more. */
  formats?: readonly Format[];
  rules?: SelectionRules;
  selection?: SelectionModes;
  captions?: CaptionChoices;
  cover?: CoverChoices;
  overlays?: readonly WantedOverlay[];
  fileName?: string;
}

/** An overlay of a request. */
export interface WantedOverlay extends Omit<Overlay, 'image'> {
  image: SourceAddress;
  /** Names of the blocks whose clips get it; null: all. */
  blocks: readonly string[] | null;
}

/**
 * Every combination that the rules allow, the last block changing fastest, with tracks and lines that are drawn from
 * shuffled bags, or each of them; and each of these in every format. Tracks and lines that none of them drew are left out:
 * they would be downloaded and bought in vain. The same input gives the same plan.
 */
export function makePlan(input: PlanInput): Plan {
  const { seed, output, sound, targets, formats, captions, cover, fileName } = input;
  const { overlays: wanted = [], selection = RANDOM_SELECTION } = input;
  const sources = new SourceList();
  const blocks = input.blocks.map(({ name, clips }) => {
    const overlays = wanted.flatMap(({ blocks: only }, at) => (only?.includes(name) === false ? [] : [at]));
    const burned = overlays.length === 0 ? {} : { overlays };
    return { name, clips: clips.map((clip) => sources.add({ kind: 'clip', ...clip, ...burned })) };
  });
  const tracks = input.tracks.map((track) => sources.add({ kind: 'track', ...track }));
  const lines = input.lines.map((line) => sources.add({ kind: 'line', ...line }));
  const overlays = wanted.map(({ image, blocks: _, ...overlay }) => ({
    ...overlay,
    image: sources.add({ kind: 'image', ...image }),
  }));
  const chosen = selectedCombinations(input.blocks, input.rules ?? {}, seed);
  const tracksOf = choices(tracks, selection.tracks, chosen.length, seed, 'tracks');
  const linesOf = choices(lines, selection.lines, chosen.length, seed, 'lines');
  const numbered = chosen.flatMap((places, at) => {
    const clips = places.map((place, block) => blocks[block]?.clips[place] as number);
    return tracksOf(at).flatMap((track) => linesOf(at).map((line) => ({ clips, track, line })));
  });
  return withUsedSources({
    ...{ seed, sources: sources.all, total: numbered.length, output, sound },
    combinations: inFormats(numbered, formats?.length),
    ...(targets && { targets }),
    ...(formats && { formats }),
    ...(captions && { captions }),
    ...(cover && { cover }),
    ...(overlays.length > 0 && { overlays }),
    ...(fileName !== undefined && { fileName, blocks, lines }),
  });
}

type Choice = Pick<Combination, 'clips' | 'track' | 'line'>;

/** The formats of a combination stand together. */
function inFormats(choices: readonly Choice[], formats: number | undefined): Combination[] {
  if (formats === undefined) return choices.map((choice, at) => ({ index: at + 1, ...choice }));
  return choices.flatMap((choice, at) =>
    Array.from({ length: formats }, (_, format) => ({
      ...{ index: at * formats + format + 1, number: at + 1, format },
      ...choice,
    })),
  );
}

/**
 * The tracks or lines of each combination.
 * @param purpose of its generator: one of its own, so that one more line does not change which track a combination gets
 */
function choices(
  all: readonly number[],
  mode: SelectionModes['tracks'],
  count: number,
  seed: number,
  purpose: string,
): (at: number) => readonly (number | null)[] {
  if (all.length === 0) return () => [null];
  if (mode === 'each') return () => all;
  const drawn = bagDraw(all, count, seededRandom(seed, purpose));
  return (at) => [drawn[at] as number];
}

/** Sources in the order of first mention; one that is mentioned twice is prepared once. */
class SourceList {
  readonly all: Source[] = [];
  readonly #numbers = new Map<string, number>();

  add(source: Source): number {
    const key = JSON.stringify(source);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.all.push(source) - 1;
    this.#numbers.set(key, number);
    return number;
  }
}
