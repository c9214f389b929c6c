/** The floor: the bare ffmpeg commands of the very mixes that the host makes. Nothing can be faster that runs them. */
import { rm } from 'node:fs/promises';
import pLimit from 'p-limit';
import { mixArguments } from '../../functions/media/mix.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { FinishedMix } from './finished-task.ts';

/** Seconds per video, `atATime` of them at a time. */
export async function timeFloor(
  ffmpeg: string,
  mixes: readonly FinishedMix[],
  atATime: number,
): Promise<number> {
  const limit = pLimit(atATime);
  const commands = mixes.map(({ input }) => mixArguments(input));
  const started = performance.now();
  await Promise.all(commands.map((args) => limit(() => runFfmpeg(ffmpeg, args))));
  const seconds = (performance.now() - started) / 1000;
  // Else the system writes them to the disk, in its own time: beside what is timed next.
  await Promise.all(mixes.map(({ input }) => rm(input.out)));
  return seconds / mixes.length;
}
