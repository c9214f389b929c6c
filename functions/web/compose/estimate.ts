/** What a task will take, from its plan and from lengths that the browser knows. All of it is "about". Pure. */
import type { EstimateView, PlanView } from '../../model/answers/render.ts';
import { duration } from '../ui/format.ts';
import { type Clip, type Draft, usedSeconds } from './draft.ts';
import { usedBlocks } from './request.ts';

export interface Estimate {
  /** Length of all videos together, seconds. */
  videoSeconds: number;
  /** Clips whose length is not known; they are counted as USUAL_SECONDS. */
  unknownClips: number;
  /** Until the last video is there, once the files are sent. At most: clips that are copied take a tenth of it. */
  seconds: number;
  usd: number;
}

/** Of a clip of unknown length. */
const USUAL_SECONDS = 5;
/** Processor seconds, as measured (test/README.md, Speed): to decode a second of a clip, and to encode one of 1080x1920. */
const DECODING = 0.45;
const ENCODING = 1.1;
const FULL_PIXELS = 1080 * 1920;
/** To mix a second of a soundtrack, and for each video besides. */
const MIXING = 0.022;
const JOINING = 0.1;
/** To speak a line, and from the request to the first work. */
const SPEAKING = 1;
const STARTING = 1;
/** Pixels of a format, as shares of a full one. */
const SHARES: Readonly<Record<string, number>> = {
  '9x16': 1,
  '4x5': (1080 * 1350) / FULL_PIXELS,
  '1x1': (1080 * 1080) / FULL_PIXELS,
  '16x9': 1,
};

export interface EstimateInput {
  draft: Draft;
  selection: Pick<NonNullable<PlanView['selection']>, 'videos' | 'chosen' | 'blocks'>;
  /** What the service says of it. */
  work: Pick<EstimateView, 'encodes' | 'speech_usd' | 'usd_per_compute_hour'>;
  /** That the service can use at a time. */
  processors: number;
}

export function estimateOf({ draft, selection, work, processors }: EstimateInput): Estimate {
  const { videos, chosen, blocks } = selection;
  const used = usedBlocks(draft).flatMap(({ block }, at) =>
    block.clips.map((clip, place) => ({ clip, uses: blocks[at]?.clips[place]?.uses ?? 0 })),
  );
  const needed = used.filter(({ uses }) => uses > 0);
  const perCombination = chosen === 0 ? 0 : videos / chosen;
  const videoSeconds = sum(needed, ({ clip, uses }) => lengthOf(clip) * uses) * perCombination;
  const clipSeconds = sum(needed, ({ clip }) => lengthOf(clip));
  const pixels = draft.formats.length === 0 ? 1 : sum(draft.formats, (format) => SHARES[format] ?? 1);
  const formats = Math.max(1, draft.formats.length);
  // Runs beyond one for each clip and format draw captions.
  const captioned = Math.max(0, work.encodes - needed.length * formats) / formats;
  const meanSeconds = needed.length === 0 ? 0 : clipSeconds / needed.length;
  const processorSeconds =
    clipSeconds * (DECODING + ENCODING * pixels) +
    captioned * meanSeconds * (DECODING + ENCODING) * pixels +
    (videoSeconds / formats) * MIXING +
    videos * JOINING +
    draft.lines.length * SPEAKING;
  const computeUsd = (work.usd_per_compute_hour * processorSeconds) / 2 / 3600;
  return {
    videoSeconds,
    unknownClips: needed.filter(({ clip }) => usedSeconds(clip) === null).length,
    seconds: STARTING + processorSeconds / Math.max(1, processors),
    usd: work.speech_usd + computeUsd,
  };
}

/** The time as an upper end, with no more digits than it deserves: clips that are copied, or known already, take far less. */
export function longest(seconds: number): string {
  if (seconds <= 50) return duration(Math.max(1, Math.ceil(seconds / 10)) * 10);
  const minutes = Math.ceil(seconds / 60);
  const whole = minutes <= 10 ? minutes : Math.ceil(minutes / 10) * 10;
  return whole < 60 ? `${whole}\u00a0min` : duration(whole * 60);
}

function lengthOf(clip: Clip): number {
  return usedSeconds(clip) ?? USUAL_SECONDS;
}

function sum<T>(list: readonly T[], of: (entry: T) => number): number {
  return list.reduce((total, entry) => total + of(entry), 0);
}
