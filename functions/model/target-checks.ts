/** Checks what is known of a video against the limits of platforms. Pure. */
import { CHECK_IDS, type CheckId, type Rule, type Size, TARGET_LIMITS } from './target-limits.ts';
import type { Target } from './targets.ts';

export const CHECK_RESULTS = ['pass', 'note', 'missed'] as const;
export type CheckResult = (typeof CHECK_RESULTS)[number];

/** What is known of a video without decoding it. */
export interface VideoFacts {
  /** Of the file. */
  bytes: number;
  isIndexFirst: boolean;
  /** How many tracks have one. */
  editLists: number;
  /** 'H.264'. */
  codec: string;
  /** 'High'. */
  profile: string;
  /** '4:2:0'. */
  chroma: string;
  isProgressive: boolean;
  /** Width and height of a pixel, '1:1'. */
  pixelAspect: string;
  /** Pixels. */
  width: number;
  height: number;
  fps: number;
  /** Of the picture. */
  seconds: number;
  bitsPerSecond: number;
  /** Of the second with the most. */
  peakBitsPerSecond: number;
  /** The longest from one frame at which decoding can begin to the next. */
  gopSeconds: number;
  /** Nothing is to be heard. */
  isSilent: boolean;
  /** 'AAC-LC'. */
  audioCodec: string;
  /** Hz. */
  sampleRate: number;
  channels: number;
  audioBitsPerSecond: number;
  /** LUFS and dBTP; null for silence. */
  loudness: number | null;
  truePeak: number | null;
}

export type Found = number | string;

/** The checks of a video for one platform, as its report keeps them: no texts, and what was found only where it matters. */
export interface TargetReport {
  target: Target;
  passed: CheckId[];
  others: [id: CheckId, result: Exclude<CheckResult, 'pass'>, found: Found][];
}

/** Facts that are not known are not checked. */
export function checkTargets(targets: readonly Target[], facts: Partial<VideoFacts>): TargetReport[] {
  return targets.map((target) => {
    const report: TargetReport = { target, passed: [], others: [] };
    const { rules } = TARGET_LIMITS[target];
    for (const rule of rules.toSorted((one, other) => placeOf(one) - placeOf(other))) {
      const found = FOUND[rule.id](facts);
      if (found === undefined) continue;
      if (keeps(rule, found)) report.passed.push(rule.id);
      else report.others.push([rule.id, rule.otherwise, found]);
    }
    return report;
  });
}

/** The worst of its checks. */
export function resultOf({ others }: Pick<TargetReport, 'others'>): CheckResult {
  if (others.some(([, result]) => result === 'missed')) return 'missed';
  return others.length > 0 ? 'note' : 'pass';
}

function placeOf({ id }: Rule): number {
  return CHECK_IDS.indexOf(id);
}

const either = (is: boolean | undefined, yes: string, no: string) =>
  is === undefined ? undefined : is ? yes : no;
const sizeOf = ({ width, height }: Partial<VideoFacts>) =>
  width === undefined || height === undefined ? undefined : `${width}x${height}`;

/** What each check looks at; undefined if it is not known. */
const FOUND: Record<CheckId, (facts: Partial<VideoFacts>) => Found | undefined> = {
  edit_lists: ({ editLists }) =>
    either(editLists === undefined ? undefined : editLists > 0, 'edit lists', 'no edit lists'),
  index_first: ({ isIndexFirst }) => either(isIndexFirst, 'moov first', 'moov last'),
  codec: ({ codec }) => codec,
  profile: ({ profile }) => profile,
  chroma: ({ chroma }) => chroma,
  progressive: ({ isProgressive }) => either(isProgressive, 'progressive', 'interlaced'),
  pixel_aspect: ({ pixelAspect }) => pixelAspect,
  columns: ({ width }) => width,
  size: sizeOf,
  aspect_ratio: ({ width, height }) =>
    width === undefined || height === undefined ? undefined : width / height,
  shape: sizeOf,
  fps: ({ fps }) => fps,
  bitrate: ({ bitsPerSecond }) => bitsPerSecond,
  bitrate_advice: ({ bitsPerSecond }) => bitsPerSecond,
  bitrate_peak: ({ peakBitsPerSecond }) => peakBitsPerSecond,
  gop: ({ gopSeconds }) => gopSeconds,
  length: ({ seconds }) => seconds,
  length_advice: ({ seconds }) => seconds,
  file_size: ({ bytes }) => bytes,
  sound: ({ isSilent }) => either(isSilent, 'silence', 'sound'),
  audio_codec: ({ audioCodec }) => audioCodec,
  sample_rate: ({ sampleRate }) => sampleRate,
  channels: ({ channels }) => channels,
  audio_bitrate: ({ audioBitsPerSecond }) => audioBitsPerSecond,
  loudness: ({ loudness }) => loudness ?? undefined,
  true_peak: ({ truePeak }) => truePeak ?? undefined,
};

function keeps({ least, most, oneOf, sizes, shapes }: Rule, found: Found): boolean {
  if (oneOf !== undefined) return oneOf.includes(found);
  if (sizes !== undefined) return isLargeEnough(sizeIn(found), sizes);
  if (shapes !== undefined) return shapes.some((shape) => isOfShape(sizeIn(found), shape));
  const value = Number(found);
  return value >= (least ?? value) && value <= (most ?? value);
}

function sizeIn(found: Found): Size {
  const [width = 0, height = 0] = String(found).split('x').map(Number);
  return [width, height];
}

/** The smallest picture of the nearest shape counts. */
function isLargeEnough([width, height]: Size, sizes: readonly Size[]): boolean {
  const distance = ([across, down]: Size) => Math.abs(Math.log((width * down) / (height * across)));
  const [nearest] = sizes.toSorted((one, other) => distance(one) - distance(other)) as [Size];
  return width >= nearest[0] && height >= nearest[1];
}

/** Within two pixels, as sizes of H.264 are even: 1080x1920, and also 608x1080. */
function isOfShape([width, height]: Size, [across, down]: Size): boolean {
  return Math.abs(width - (height * across) / down) <= 2 || Math.abs(height - (width * down) / across) <= 2;
}
