/** Times the bare ffmpeg commands of the host's mixes: the floor, which no service around them can beat. */
import { rm } from 'node:fs/promises';
import pLimit from 'p-limit';
import { bareMixArguments } from './bare-mix.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { FinishedMix } from './finished-task.ts';

/** Seconds per video, with `concurrency` commands in parallel. @param isMetered see bare-mix.ts */
export async function timeFloor(
  ffmpeg: string,
  mixes: readonly FinishedMix[],
  concurrency: number,
  isMetered: boolean,
): Promise<number> {
  const limit = pLimit(concurrency);
  const commands = mixes.map(({ input }) => bareMixArguments(input, isMetered));
  const started = performance.now();
  await Promise.all(commands.map((args) => limit(() => runFfmpeg(ffmpeg, args))));
  const seconds = (performance.now() - started) / 1000;
  // Otherwise the system would write them to disk later, during the next measurement.
  await Promise.all(mixes.map(({ input }) => rm(input.out)));
  return seconds / mixes.length;
}
