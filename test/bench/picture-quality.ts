/** Measures picture quality: VMAF and SSIM against the same frames without loss. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runMeasured } from './ffmpeg-run.ts';

export interface Quality {
  /** 0 to 100. Harmonic mean of the frames, in which bad frames weigh more than good ones. */
  vmaf: number;
  /** VMAF of the worst frame. */
  lowest: number;
  /** For brightness and colour of all frames. */
  ssim: number;
}

interface VmafLog {
  frames: { metrics: { vmaf: number } }[];
}

const LOG = 'vmaf.json';
/** Every third frame, because VMAF takes five times as long as encoding. The first of each group of 60 is included. */
const EVERY = 3;

/**
 * Compares frame by frame in order, whatever the timestamps are. Needs an ffmpeg with libvmaf and its models.
 * @param dir folder for a log
 */
export async function pictureQuality(
  ffmpeg: string,
  { made, reference, dir }: { made: string; reference: string; dir: string },
): Promise<Quality> {
  const graph = [
    // By number: two time bases round timestamps differently, and a frame could be compared with the one before.
    '[0:v]settb=1/30,setpts=N,split[made][madeToo]',
    '[1:v]settb=1/30,setpts=N,split[true][trueToo]',
    // Two threads take half the time of the filter's default, one.
    `[made][true]libvmaf=log_fmt=json:log_path=${LOG}:n_threads=2:n_subsample=${EVERY}:shortest=1`,
    '[madeToo][trueToo]ssim=shortest=1',
  ].join(';');
  const inputs = ['-i', made, '-i', reference];
  const { stderr } = await runMeasured(ffmpeg, [...inputs, '-filter_complex', graph, '-f', 'null', '-'], dir);
  const ssim = / SSIM .* All:([\d.]+)/.exec(stderr)?.[1];
  const log = JSON.parse(await readFile(join(dir, LOG), 'utf8')) as VmafLog;
  return { ...pooled(log.frames.map(({ metrics }) => metrics.vmaf)), ssim: Number(ssim) };
}

/** Pools like libvmaf, which adds 1 so that a frame with score 0 does not make the mean 0. */
export function pooled(frames: readonly number[]): Pick<Quality, 'vmaf' | 'lowest'> {
  const inverse = frames.reduce((sum, score) => sum + 1 / (score + 1), 0);
  return { vmaf: frames.length / inverse - 1, lowest: Math.min(...frames) };
}
