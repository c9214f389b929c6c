/** Brings captions into a run of ffmpeg that makes a clip. */
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PermanentError } from '../../base/errors.ts';
import type { Ffmpeg } from '../ffmpeg.ts';
import { FfmpegError } from '../ffmpeg-error.ts';
import { filterText } from '../filter-text.ts';
import { FONTS_DIR, FONTS_VERSION } from './fonts.ts';

/** The filter of ffmpeg that burns them in; builds without libass have none. */
const FILTER = 'ass';
const FILE = 'captions.ass';

interface Captioned {
  dir: string;
  /** What captionFile made; absent: none. */
  captions?: string;
}

/** The filter for a file of captionFile. */
export function captioned(file: string | undefined): string[] {
  return file === undefined
    ? []
    : [`${FILTER}=filename=${filterText(file)}:fontsdir=${filterText(FONTS_DIR)}`];
}

/** Where the captions of an output are while it is made. */
export function captionsPath({ dir, captions }: Captioned): string | undefined {
  return captions === undefined ? undefined : join(dir, FILE);
}

/** Part of the key of a clip. Without captions there is none, so that plain clips keep their keys. */
export function captionsIdentity(captions: string | undefined): string[] {
  if (captions === undefined) return [];
  const hash = createHash('sha256').update(captions).digest('hex');
  return [`captions ${hash}`, `fonts ${FONTS_VERSION}`];
}

/** Writes them beside the clips, and removes them once these are made. */
export async function writeCaptions(
  outputs: readonly Captioned[],
): Promise<AsyncDisposable & { reads: string[] }> {
  const files: string[] = [];
  for (const output of outputs) {
    const path = captionsPath(output);
    if (path === undefined) continue;
    files.push(path);
    await writeFile(path, output.captions as string);
  }
  return {
    reads: files.length === 0 ? [] : [FONTS_DIR],
    async [Symbol.asyncDispose]() {
      await Promise.all(files.map((file) => rm(file, { force: true })));
    },
  };
}

const LISTED = new RegExp(`^ *[A-Z.|]{1,8} +${FILTER} `, 'm');
const LIMITS = { timeoutMs: 30_000, memoryMb: 512, fileMb: 0 };

/** Tells whether the build can burn captions in. Asks it once. What cannot be found out is found out by the first clip. */
export function createBurning(ffmpeg: Pick<Ffmpeg, 'run'>): () => Promise<boolean> {
  const ask = async () => {
    const { stdout } = await ffmpeg.run(['-filters'], { signal: new AbortController().signal, ...LIMITS });
    return LISTED.test(stdout);
  };
  let asked: Promise<boolean> | undefined;
  return () => {
    asked ??= ask().catch(() => {
      asked = undefined;
      return true;
    });
    return asked;
  };
}

/** What is wrong with a build that cannot, and what to do. */
export const NO_FILTER =
  `Expected a build of ffmpeg with the filter "${FILTER}" (libass), got one without, so captions cannot be burned in. ` +
  'Leave FFMPEG_BIN empty or set it to another build, or choose captions of mode "srt" or "track".';

/** Throws PermanentError if a run failed because its build cannot burn captions in. */
export function refuseWithoutFilter(error: unknown): void {
  if (!FfmpegError.is(error) || !error.stderr.includes(`No such filter: '${FILTER}'`)) return;
  throw new PermanentError('conform_failed', 'conform', NO_FILTER, { cause: error });
}
