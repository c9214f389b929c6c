/** The captions of a video, from the words of its line. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cue, cuesOf, SUBTITLES, textOf } from '../media/captions/cues.ts';
import { srtOf, vttOf } from '../media/captions/subtitles.ts';
import { type CaptionWords, placedWords } from '../media/captions/words.ts';
import type { Subtitles } from '../media/mp4/text-track.ts';
import type { CaptionFile } from '../model/captions.ts';
import type { Combination, Plan } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PreparedArtifact } from './check-prepared.ts';
import type { MadeSideFile } from './side-files.ts';
import type { SpokenWords } from './spoken-words.ts';

/** What is made of the words of a video. */
export interface VideoCaptions {
  /** In order, within the video; none if no word is heard in it. */
  cues: Cue[];
  warnings: string[];
}

const NO_CAPTIONS: VideoCaptions = { cues: [], warnings: [] };
const ESTIMATED =
  'The times of captions are estimated, because the voice does not say when it speaks which word: some may be off by half a second.';
const WRITERS: Readonly<Record<CaptionFile, (cues: readonly Cue[]) => string>> = { srt: srtOf, vtt: vttOf };

/** @param spoken of its line; undefined if it has none @param seconds of the video */
export function captionsOf(
  { captions, sound }: Pick<Plan, 'captions' | 'sound'>,
  spoken: CaptionWords | undefined,
  seconds: number,
): VideoCaptions {
  if (captions === undefined || spoken === undefined) return NO_CAPTIONS;
  const words = placedWords(spoken.words, sound.voiceOffsetSeconds, seconds);
  if (words.length === 0) return NO_CAPTIONS;
  const warnings = spoken.estimated ? [ESTIMATED] : [];
  return { cues: cuesOf(words, SUBTITLES, seconds), warnings };
}

/** For a track in the video; nothing if the task wants none, or without words. @param language of the line, BCP 47 */
export function subtitlesOf(
  { captions }: Pick<Plan, 'captions'>,
  { cues }: VideoCaptions,
  language: string | undefined,
): { subtitles?: Subtitles } {
  if (captions?.inside !== 'track' || cues.length === 0) return {};
  const shown = cues.map(({ start, end, lines }) => ({ start, end, text: lines.map(textOf).join('\n') }));
  return { subtitles: { shown, language } };
}

/** Undefined if none are spoken, or nobody wants to read them. */
export async function wordsFor(
  { plan }: Pick<Task, 'plan'>,
  { line }: Combination,
  voice: { open(): Promise<PreparedArtifact> } | undefined,
  spokenWords: SpokenWords,
): Promise<CaptionWords | undefined> {
  const source = line === null ? undefined : plan.sources[line];
  if (plan.captions === undefined || voice === undefined || source?.kind !== 'line') return undefined;
  return spokenWords(await voice.open(), source);
}

/** Writes the files that the task wants beside the video; none without words. @param dir private folder of the render */
export async function writeCaptions(
  { captions }: Pick<Plan, 'captions'>,
  { cues }: VideoCaptions,
  dir: string,
): Promise<MadeSideFile[]> {
  if (captions === undefined || cues.length === 0) return [];
  const files = captions.files.map((kind) => ({ kind, file: join(dir, `captions.${kind}`) }));
  for (const { kind, file } of files) await writeFile(file, WRITERS[kind](cues));
  return files;
}
