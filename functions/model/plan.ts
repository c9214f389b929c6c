import type { CaptionChoices } from './captions.ts';
import type { Fit, Format } from './formats.ts';
import type { Overlay } from './overlays.ts';
import type { SourceAddress } from './source-location.ts';
import type { Target } from './targets.ts';

/** A text and the voice that speaks it. */
export interface Line {
  text: string;
  voice: string;
  /** 0.7 to 1.2; absent: the voice's own. */
  speed?: number;
  /** BCP 47, such as "pt-BR". */
  language?: string;
  /** Name of the sub-folder for its videos. */
  group?: string;
}

/** The part of a clip or track that is used. */
export interface Trim {
  startSeconds: number;
  /** Absent: to its end. */
  endSeconds?: number;
}

/** An address and what is taken from there. */
export interface ClipChoices extends SourceAddress {
  /** Absent: all of it. */
  trim?: Trim;
  /** Of a clip's own sound, in place of SoundChoices.originalVolume; of a track, 1 by default. */
  volume?: number;
}

/** Something to prepare, once per task. Messages and pins name it by its index in Plan.sources. */
export type Source =
  /** `overlays`: indexes into Plan.overlays, the last one on top; absent: none. */
  | ({ kind: 'clip'; overlays?: number[] } & ClipChoices)
  | ({ kind: 'track' } & ClipChoices)
  /** A picture for overlays. */
  | ({ kind: 'image' } & SourceAddress)
  | ({ kind: 'line' } & Line);

/** As the log names it: `clip "hook"`, `line for Sarah`. */
export function titleOf(source: Source): string {
  return source.kind === 'line' ? `line for ${source.voice}` : `${source.kind} "${source.name}"`;
}

/** One video: a combination in one format. */
export interface Combination {
  /** Of the video, from 1. */
  index: number;
  /** Of the combination, from 1: its videos in several formats share it. Absent: the same as `index`. */
  number?: number;
  /** Index into Plan.formats; absent: there is only one. */
  format?: number;
  /** Indexes into Plan.sources, one per block, in block order; `track` and `line` likewise. */
  clips: number[];
  track: number | null;
  line: number | null;
}

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
  /** Volume of the clips' own sound, 0 to 1, unless a clip has a volume. */
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
  /** Combinations that the task began with, in one format; file names pad the number to its width. */
  total: number;
  /** If there are several formats, that of the first one. */
  output: WantedOutput;
  sound: SoundChoices;
  /** Platforms that each video is checked for; absent: none. */
  targets?: readonly Target[];
  /** Every combination is made in each of these; absent: in one, without a name. */
  formats?: readonly Format[];
  captions?: CaptionChoices;
  cover?: CoverChoices;
  overlays?: readonly Overlay[];
  /** Template of file names; absent: the usual names. */
  fileName?: string;
  /** What the template and rules call the blocks; absent without a template. */
  blocks?: readonly PlannedBlock[];
  /** The lines of the request, as the clips of a block; absent without a template. */
  lines?: PlannedBlock['clips'];
}

export interface CoverChoices {
  /** Seconds from the start of the video; null: the picture of its first clip that shows most. */
  atSeconds: number | null;
}

export interface PlannedBlock {
  name: string;
  /** Its clips, in Plan.sources, as often as the request has them; null: not used by any combination of the plan. */
  clips: readonly (number | null)[];
}

/** A plan of some of the combinations, with the same choices and indexes, and only the sources and formats they need. */
export function partOf(plan: Plan, indexes: ReadonlySet<number>): Plan {
  return withUsedFormats(
    withUsedSources({
      ...plan,
      combinations: plan.combinations.filter(({ index }) => indexes.has(index)),
    }),
  );
}

/** The same plan without the formats that no combination has, in which clips need not be made. */
function withUsedFormats(plan: Plan): Plan {
  const { formats, combinations, output } = plan;
  if (formats === undefined) return plan;
  const used = [...formats.keys()].filter((at) => combinations.some(({ format }) => format === at));
  const [first, ...others] = used.map((at) => formats[at] as Format);
  // One that is left is still a format with a name.
  if (first === undefined || others.length + 1 === formats.length) return plan;
  const { width, height, fit, background } = first;
  return {
    ...plan,
    output: { ...output, width, height, fit, background },
    formats: [first, ...others],
    combinations: combinations.map((combination) => ({
      ...combination,
      format: used.indexOf(combination.format as number),
    })),
  };
}

/** The same plan without the sources that no combination uses. */
export function withUsedSources(plan: Plan): Plan {
  const { combinations } = plan;
  const direct = combinations.flatMap(sourcesOf);
  const images = direct.flatMap((number) => imagesOf(plan, number));
  const used = [...new Set([...direct, ...images])].toSorted((one, other) => one - other);
  const numberOf = new Map(used.map((old, number) => [old, number]));
  const renumbered = (old: number) => numberOf.get(old) as number;
  const stillUsed = (old: number | null) => (old === null ? null : (numberOf.get(old) ?? null));
  return {
    ...plan,
    combinations: combinations.map(({ clips, track, line, ...rest }) => ({
      ...rest,
      clips: clips.map(renumbered),
      track: track === null ? null : renumbered(track),
      line: line === null ? null : renumbered(line),
    })),
    ...usedOverlays(plan, used, renumbered),
    ...(plan.blocks && {
      blocks: plan.blocks.map(({ name, clips }) => ({ name, clips: clips.map(stillUsed) })),
    }),
    ...(plan.lines && { lines: plan.lines.map(stillUsed) }),
  };
}

/** The sources that are left, and the overlays of their clips, with new numbers. Undefined without overlays. */
function usedOverlays(
  { sources, overlays }: Plan,
  used: readonly number[],
  renumbered: (old: number) => number,
): Pick<Plan, 'sources' | 'overlays'> {
  const left = used.map((old) => sources[old] as Source);
  if (overlays === undefined) return { sources: left };
  const burned = new Set(left.flatMap((source) => (source.kind === 'clip' ? (source.overlays ?? []) : [])));
  const kept = [...overlays.keys()].filter((old) => burned.has(old));
  return {
    sources: left.map((source) =>
      source.kind === 'clip' && source.overlays !== undefined
        ? { ...source, overlays: source.overlays.map((old) => kept.indexOf(old)) }
        : source,
    ),
    overlays: kept.map((old) => {
      const overlay = overlays[old] as Overlay;
      return { ...overlay, image: renumbered(overlay.image) };
    }),
  };
}

/** What is burned into a clip, the last one on top. */
export function overlaysOf({ sources, overlays = [] }: Plan, clip: number): Overlay[] {
  const source = sources[clip];
  if (source?.kind !== 'clip') return [];
  return (source.overlays ?? []).map((overlay) => overlays[overlay] as Overlay);
}

/** The pictures that are burned into a clip, as indexes into Plan.sources. */
export function imagesOf(plan: Plan, clip: number): number[] {
  return overlaysOf(plan, clip).map(({ image }) => image);
}

/** Combinations that fail without the source. */
export function usersOf(plan: Plan, source: number): Combination[] {
  const needs = (number: number) => number === source || imagesOf(plan, number).includes(source);
  return plan.combinations.filter((combination) => sourcesOf(combination).some(needs));
}

/** The volume of a clip's own sound: 0, or up to 2. */
export function ownVolumeOf({ sources, sound }: Pick<Plan, 'sources' | 'sound'>, clip: number): number {
  const source = sources[clip];
  return (source?.kind === 'clip' ? source.volume : undefined) ?? sound.originalVolume;
}

/** The volume of a track, 0 to 2; 1 for a line, and for none. */
export function trackVolumeOf({ sources }: Pick<Plan, 'sources'>, number: number | null): number {
  const source = number === null ? undefined : sources[number];
  return source?.kind === 'track' ? (source.volume ?? 1) : 1;
}

/** The sources that a combination needs, as indexes into Plan.sources. */
export function sourcesOf(combination: Combination): number[] {
  const { clips, track, line } = combination;
  return [...new Set([...clips, ...[track, line].filter((source) => source !== null)])];
}
