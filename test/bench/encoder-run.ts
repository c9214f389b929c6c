/** Conforms a clip like the product but with other encoder settings, and measures cost and quality. */
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ConformInput, conformArguments } from '../../functions/media/conform.ts';
import { videoGraph } from '../../functions/media/conform-graph.ts';
import { createFfmpeg } from '../../functions/media/ffmpeg.ts';
import { readPicture } from '../../functions/media/mp4/tracks.ts';
import { probe } from '../../functions/media/probe.ts';
import { framesPerSecond } from '../../functions/model/frame-rate.ts';
import type { Profile } from '../../functions/model/pins.ts';
import type { Probe } from '../../functions/model/probe.ts';
import type { Variant } from './encoder-grid.ts';
import type { EncoderSource } from './encoder-sources.ts';
import { runFfmpeg, runMeasured, type Spent } from './ffmpeg-run.ts';
import { pictureQuality, type Quality } from './picture-quality.ts';

export interface EncoderClip extends Omit<ConformInput, 'threads'> {
  /** The clip's frames in the profile's size, encoded without loss. */
  reference: string;
}

export interface Measured extends Quality, Omit<Spent, 'stderr'> {
  variant: Variant;
  kbits: number;
  header: string;
  /** VMAF after a platform's encoder; undefined if not requested. */
  again: number | undefined;
}

/** Platforms encode 1080x1920 at about 1 to 4 Mbit/s. None of them publishes its settings, so these are ours. */
const PLATFORM = ['-c:v', 'libx264', '-preset', 'medium', '-crf', '26', '-maxrate', '4M', '-bufsize', '8M'];
const LOSSLESS = ['-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0'];

/** Probes a file and makes its reference from the output of the product's filter graph. @param dir is created */
export async function encoderClip(
  ffmpeg: string,
  { file }: EncoderSource,
  { profile, maxSeconds, dir }: { profile: Profile; maxSeconds: number; dir: string },
): Promise<EncoderClip> {
  await mkdir(dir);
  await using ours = createFfmpeg({ path: ffmpeg });
  const whole = await probe(ours, file, { signal: new AbortController().signal });
  if (whole.video === null) throw new Error(`Expected ${file} to have a picture, got none`);
  const video: NonNullable<Probe['video']> = {
    ...whole.video,
    seconds: Math.min(whole.video.seconds, maxSeconds),
  };
  const reference = join(dir, 'reference.mp4');
  const frames = Math.ceil(maxSeconds * framesPerSecond(profile.rate));
  await runFfmpeg(ffmpeg, [
    ...['-v', 'error', '-y', '-i', file],
    ...['-filter_complex', videoGraph(video, { profiles: [profile], frames })],
    ...['-map', '[v]', '-fps_mode', 'cfr', '-frames:v', String(frames), ...LOSSLESS, reference],
  ]);
  return { file, probe: { ...whole, video }, profile, dir, maxSeconds, reference };
}

export async function measure(
  ffmpeg: string,
  clip: EncoderClip,
  { variant, again }: { variant: Variant; again: boolean },
): Promise<Measured> {
  const { dir, reference, profile } = clip;
  const args = conformArguments({ ...clip, threads: variant.threads }, variant.encoding);
  // ffmpeg prints what it used at level info.
  const { stderr: _, ...spent } = await runMeasured(
    ffmpeg,
    args.map((arg) => (arg === 'warning' ? 'info' : arg)),
    dir,
  );
  const made = join(dir, 'video.mp4');
  const { entry, sizes } = await readPicture(made, profile.rate);
  const { size } = await stat(made);
  return {
    ...spent,
    ...(await pictureQuality(ffmpeg, { made, reference, dir })),
    variant,
    kbits: (size * 8) / 1000 / (sizes.length / framesPerSecond(profile.rate)),
    header: entry.toString('hex'),
    again: again ? await afterPlatform(ffmpeg, made, clip) : undefined,
  };
}

/** VMAF of a file after a platform's encoder. For the reference itself, this is the highest possible value. */
export async function afterPlatform(
  ffmpeg: string,
  file: string,
  { dir, reference }: EncoderClip,
): Promise<number> {
  const made = join(dir, 'again.mp4');
  await runFfmpeg(ffmpeg, ['-v', 'error', '-y', '-i', file, ...PLATFORM, '-an', made]);
  return (await pictureQuality(ffmpeg, { made, reference, dir })).vmaf;
}
