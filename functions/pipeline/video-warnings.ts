/** What whoever gets a video is told about its sources. */
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Combination, SoundChoices, Source } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PreparedFacts } from './check-prepared.ts';

/** What preparing its clips remarked, once per clip, with the clip's address as the manifest may show it. */
export function clipWarnings(task: Task, { clips }: Combination, facts: readonly PreparedFacts[]): string[] {
  return [...new Set(clips.flatMap((number, at) => remarks(task, number, facts[at])))];
}

/** What preparing its music remarked, which matters if the music repeats. @param seconds of the video */
export function trackWarnings(
  task: Task,
  { track }: Combination,
  music: PreparedFacts | undefined,
  seconds: number,
): string[] {
  const isRepeated = music !== undefined && music.samples < seconds * SAMPLE_RATE;
  return track !== null && isRepeated ? remarks(task, track, music) : [];
}

/** Warns if the video ends before the voice does. @param seconds of the video */
export function voiceWarnings(
  { voiceOffsetSeconds }: Pick<SoundChoices, 'voiceOffsetSeconds'>,
  voice: Pick<PreparedFacts, 'samples'> | undefined,
  seconds: number,
): string[] {
  if (voice === undefined) return [];
  const start = voiceOffsetSeconds > 0 ? `begins at ${voiceOffsetSeconds.toFixed(1)} s and ` : '';
  const spoken = voice.samples / SAMPLE_RATE;
  if (voiceOffsetSeconds >= seconds) {
    return [
      `The voice-over begins at ${voiceOffsetSeconds.toFixed(1)} s but the video lasts only ${seconds.toFixed(1)} s, ` +
        'so it is not heard. ' +
        'Lower audio.voice_offset_seconds, or send longer clips.',
    ];
  }
  if (voiceOffsetSeconds + spoken <= seconds) return [];
  return [
    `The voice-over ${start}lasts ${spoken.toFixed(1)} s but the video only ${seconds.toFixed(1)} s, ` +
      'so it fades out at the end. ' +
      'Shorten the text, or send longer clips.',
  ];
}

function remarks(task: Task, number: number, facts: PreparedFacts | undefined): string[] {
  const source = task.plan.sources[number] as Source;
  const address = source.kind === 'line' ? '' : source.masked;
  return (facts?.warnings ?? []).map((warning) => `${address}: ${warning}`);
}
