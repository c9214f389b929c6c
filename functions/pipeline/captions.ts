/** The captions of a video, from the words of its line. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cue, cuesOf, SUBTITLES } from '../media/captions/cues.ts';
import { srtOf, vttOf } from '../media/captions/subtitles.ts';
import { type CaptionWords, placedWords } from '../media/captions/words.ts';
import type { CaptionFile } from '../model/captions.ts';
import type { Plan } from '../model/plan.ts';
import type { MadeSideFile } from './side-files.ts';

/** What is made of the words of a video. */
export interface VideoCaptions {
  /** In order, within the video; none if no word is heard in it. */
  cues: Cue[];
  warnings: string[];
}

const NO_CAPTIONS: VideoCaptions = { cues: [], warnings: [] };
const ESTIMATED =
  'The times of its captions are estimated, because the voice does not say when it speaks which word: some may be off by half a second.';
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
