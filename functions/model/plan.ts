import { bagDraw, type Random, seededRandom } from './random.ts';
import type { SourceAddress } from './source-location.ts';
import type { Target } from './targets.ts';

/** A text and the voice that speaks it. */
export interface Line {
  text: string;
  voice: string;
}

/** Something to prepare, once per task. Messages and pins name it by its index in Plan.sources. */
export type Source =
  | ({ kind: 'clip' } & SourceAddress)
  | ({ kind: 'track' } & SourceAddress)
  | ({ kind: 'line' } & Line);

/** As the log names it: `clip "hook"`, `line for Sarah`. */
export function titleOf(source: Source): string {
  return source.kind === 'line' ? `line for ${source.voice}` : `${source.kind} "${source.name}"`;
}

export interface Combination {
  /** 1-based, as in the file name. */
  index: number;
  /** Indexes into Plan.sources, one per block, in block order; `track` and `line` likewise. */
  clips: number[];
  track: number | null;
  line: number | null;
}

/** How a picture of another aspect ratio is fitted: with bars, cropped, or over a blurred copy of itself. */
export type Fit = 'contain' | 'cover' | 'blur';

/** The requested picture. If size or rate is absent, it is taken from the first readable clip. */
export interface WantedOutput {
  width?: number;
  height?: number;
  fps?: number;
  fit: Fit;
  /** Colour of the bars that "contain" leaves, "#rrggbb", in lower case. */
  background: string;
  /** How long a still image is shown. */
  stillSeconds: number;
  /** Encode clips that could be joined as they are; absent: no. */
  reencode?: true;
  /** Write edit lists; absent: no. */
  editLists?: true;
}

export const DEFAULT_BACKGROUND = '#000000';
/** Long enough to read a line of text. */
export const DEFAULT_STILL_SECONDS = 3;
/** LUFS. Where platforms that say so play videos: YouTube and Spotify publish it, the others are near. */
export const DEFAULT_LOUDNESS = -14;
export const DEFAULT_FADE_IN_SECONDS = 0;
export const DEFAULT_FADE_OUT_SECONDS = 1;

export interface SoundChoices {
  /** Volume of the clips' own sound, 0 to 1. */
  originalVolume: number;
  /** Lower the music while the line is spoken. */
  duck: boolean;
  /** When the line begins, seconds from the start of the video. */
  voiceOffsetSeconds: number;
  /** What the whole is brought to, LUFS; null, and absent in tasks of earlier versions: parts at their own levels. */
  loudness?: number | null;
  /** Gain on the music's level; absent: 0. */
  musicDb?: number;
  /** How long the music fades in and out; absent: the defaults. */
  musicFadeInSeconds?: number;
  musicFadeOutSeconds?: number;
}

/** All choices of a task, made once; renders only follow them. Small enough for one stored document. */
export interface Plan {
  seed: number;
  sources: Source[];
  combinations: Combination[];
  /** Combinations of all blocks, even if the plan has only some of them; file names pad the index to its width. */
  total: number;
  output: WantedOutput;
  sound: SoundChoices;
  /** Platforms that each video is checked for; absent: none. */
  targets?: readonly Target[];
}

/** What a plan is made from. */
export interface PlanInput {
  blocks: readonly { clips: readonly SourceAddress[] }[];
  tracks: readonly SourceAddress[];
  lines: readonly Line[];
  output: WantedOutput;
  sound: SoundChoices;
  targets?: readonly Target[];
  seed: number;
}

/**
 * Every combination, the last block changing fastest, each with one track and one line that are drawn from
 * shuffled bags. Tracks and lines that none of them drew are left out: they would be downloaded and bought in vain.
 * The same input gives the same plan.
 */
export function makePlan(input: PlanInput): Plan {
  const sources = new SourceList();
  const blocks = input.blocks.map(({ clips }) => clips.map((clip) => sources.add({ kind: 'clip', ...clip })));
  const tracks = input.tracks.map((track) => sources.add({ kind: 'track', ...track }));
  const lines = input.lines.map(({ text, voice }) => sources.add({ kind: 'line', text, voice }));
  const total = input.blocks.reduce((product, { clips }) => product * clips.length, 1);
  // Two generators, so that one more line does not change which track a combination gets.
  const trackOf = drawn(tracks, total, seededRandom(input.seed, 'tracks'));
  const lineOf = drawn(lines, total, seededRandom(input.seed, 'lines'));
  const combinations = Array.from({ length: total }, (_, at) => ({
    index: at + 1,
    clips: clipsAt(blocks, at),
    track: trackOf[at] ?? null,
    line: lineOf[at] ?? null,
  }));
  const { seed, output, sound, targets } = input;
  const wanted = { output, sound, ...(targets === undefined ? {} : { targets }) };
  return withUsedSources({ seed, sources: sources.all, combinations, total, ...wanted });
}

/** A plan of some of the combinations, with the same choices and indexes, and only the sources they need. */
export function partOf(plan: Plan, indexes: ReadonlySet<number>): Plan {
  return withUsedSources({
    ...plan,
    combinations: plan.combinations.filter(({ index }) => indexes.has(index)),
  });
}

function withUsedSources(plan: Plan): Plan {
  const { combinations } = plan;
  const used = [...new Set(combinations.flatMap(sourcesOf))].toSorted((one, other) => one - other);
  const numberOf = new Map(used.map((old, number) => [old, number]));
  const renumbered = (old: number) => numberOf.get(old) as number;
  return {
    ...plan,
    sources: used.map((old) => plan.sources[old] as Source),
    combinations: combinations.map(({ index, clips, track, line }) => ({
      index,
      clips: clips.map(renumbered),
      track: track === null ? null : renumbered(track),
      line: line === null ? null : renumbered(line),
    })),
  };
}

/** The sources that a combination needs, as indexes into Plan.sources. */
export function sourcesOf(combination: Combination): number[] {
  const { clips, track, line } = combination;
  return [...new Set([...clips, ...[track, line].filter((source) => source !== null)])];
}

/** Reads `at` as a number with one digit per block; the last block is the lowest digit. */
function clipsAt(blocks: readonly number[][], at: number): number[] {
  const clips: number[] = [];
  let rest = at;
  for (const block of blocks.toReversed()) {
    clips.unshift(block[rest % block.length] as number);
    rest = Math.floor(rest / block.length);
  }
  return clips;
}

function drawn(choices: readonly number[], count: number, random: Random): number[] {
  return choices.length === 0 ? [] : bagDraw(choices, count, random);
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
