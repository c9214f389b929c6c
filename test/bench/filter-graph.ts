/** The alternative to this service: one ffmpeg filter graph per video, which decodes and encodes everything. */
import { join } from 'node:path';
import pLimit from 'p-limit';
import { pcmInput } from '../../functions/media/sound.ts';
import { framesPerSecond, rateText } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import { runFfmpeg } from './ffmpeg-run.ts';
import type { FinishedMix } from './finished-task.ts';

export interface GraphInput {
  clips: readonly string[];
  music: string;
  /** Raw sound of the spoken line. Speaking it is not part of the measurement. */
  voice: string;
  profile: Profile;
  seconds: number;
  out: string;
}

/** Scales the clips into the frame and joins them, loops the music and turns it down, and adds the voice. */
export function filterGraphArguments(input: GraphInput): string[] {
  const { clips, profile, seconds } = input;
  const { width, height, rate } = profile;
  const fitted = clips.map(
    (_, at) =>
      `[${at}:v]scale=${width}:${height}:force_original_aspect_ratio=decrease,` +
      `pad=${width}:${height}:(ow-iw)/2:(oh-ih)/2,setsar=1,fps=${rateText(rate)},format=yuv420p[v${at}]`,
  );
  const joined = `${clips.map((_, at) => `[v${at}]`).join('')}concat=n=${clips.length}:v=1:a=0[v]`;
  const sound =
    `[${clips.length}:a]volume=0.3[music];` +
    `[music][${clips.length + 1}:a]amix=inputs=2:duration=first:normalize=0[a]`;
  return [
    ...['-v', 'error', '-y', ...clips.flatMap((clip) => ['-i', clip])],
    ...['-stream_loop', '-1', '-i', input.music, ...pcmInput(input.voice)],
    ...['-filter_complex', [...fitted, joined, sound].join(';'), '-map', '[v]', '-map', '[a]'],
    ...['-t', String(seconds), '-c:v', 'libx264', '-preset', 'veryfast', '-crf', '20'],
    ...['-c:a', 'aac', '-b:a', '160k', '-movflags', '+faststart', input.out],
  ];
}

export interface GraphRun {
  ffmpeg: string;
  mixes: readonly FinishedMix[];
  profile: Profile;
  /** The local file of a source's URL. */
  fileOf: (url: string) => string;
  concurrency: number;
  dir: string;
}

/** The videos of these mixes, to be made from their sources. */
export function graphInputs({
  mixes,
  profile,
  fileOf,
  dir,
}: Omit<GraphRun, 'ffmpeg' | 'concurrency'>): GraphInput[] {
  return mixes.map(({ input, urls }, at) => {
    const frames = input.clips.reduce((sum, clip) => sum + clip.frames, 0);
    return {
      clips: urls.clips.map(fileOf),
      music: fileOf(urls.music),
      voice: input.voice?.file as string,
      profile,
      seconds: frames / framesPerSecond(profile.rate),
      out: join(dir, `graph-${at}.mp4`),
    };
  });
}

/** Seconds per video. */
export async function timeFilterGraphs(run: GraphRun): Promise<number> {
  const limit = pLimit(run.concurrency);
  const commands = graphInputs(run).map(filterGraphArguments);
  const started = performance.now();
  await Promise.all(commands.map((args) => limit(() => runFfmpeg(run.ffmpeg, args))));
  return (performance.now() - started) / 1000 / commands.length;
}
