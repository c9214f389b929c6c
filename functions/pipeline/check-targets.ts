/** Checks a finished video for the targets of its task. */
import type { SoundLevels } from '../media/loudness.ts';
import type { MovieFacts } from '../media/mp4/facts.ts';
import type { Report } from '../model/report.ts';
import { checkTargets, type VideoFacts } from '../model/target-checks.ts';
import type { Task } from '../model/task.ts';

const PROFILES: Readonly<Record<number, string>> = {
  66: 'Baseline',
  77: 'Main',
  88: 'Extended',
  100: 'High',
};
const CHROMAS = ['gray', '4:2:0', '4:2:2', '4:4:4'];

/** For the report of a video; nothing if its task has no targets. */
export function targetReports(
  { plan: { targets } }: Pick<Task, 'plan'>,
  facts: MovieFacts,
  levels: SoundLevels,
): Pick<Report, 'targets'> {
  return targets === undefined ? {} : { targets: checkTargets(targets, videoFacts(facts, levels)) };
}

/**
 * The facts that platforms have limits for. The writer takes only H.264 and AAC-LC. Numbers are rounded, so that a check
 * never fails over a part that its text does not show.
 */
export function videoFacts(
  { picture, sound, ...file }: MovieFacts,
  { loudness, truePeak }: SoundLevels,
): VideoFacts {
  return {
    bytes: file.bytes,
    isIndexFirst: file.isIndexFirst,
    editLists: file.editLists,
    codec: 'H.264',
    profile: PROFILES[picture.profileIdc] ?? `profile ${picture.profileIdc}`,
    chroma: CHROMAS[picture.chromaIdc] ?? 'unknown',
    isProgressive: picture.isProgressive,
    pixelAspect: picture.isSquare ? '1:1' : 'not 1:1',
    width: picture.width,
    height: picture.height,
    fps: thousandths(picture.fps),
    seconds: thousandths(picture.seconds),
    bitsPerSecond: Math.round(picture.bitsPerSecond),
    peakBitsPerSecond: Math.round(picture.peakBitsPerSecond),
    gopSeconds: thousandths(picture.longestSyncGapSeconds),
    // No loudness is measured below 0.4 s.
    isSilent: loudness === null && truePeak === null,
    audioCodec: 'AAC-LC',
    sampleRate: sound.sampleRate,
    channels: sound.channels,
    audioBitsPerSecond: Math.round(sound.bitsPerSecond),
    loudness,
    truePeak,
  };
}

function thousandths(value: number): number {
  return Math.round(value * 1000) / 1000;
}
