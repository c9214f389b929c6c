/** How much of a picture is left: VMAF and SSIM against the same frames without loss. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runMeasured } from './ffmpeg-run.ts';

export interface Quality {
  /** 0 to 100: harmonic mean of the frames, which bad ones weigh on more than good ones. */
  vmaf: number;
  /** Of the worst frame. */
  lowest: number;
  /** Of brightness and colour, all frames. */
  ssim: number;
}

interface VmafLog {
  frames: { metrics: { vmaf: number } }[];
}

const LOG = 'vmaf.json';
/** Every third frame: VMAF takes five times what encoding does. The first of each group of 60 is among them. */
const EVERY = 3;

/**
 * Frame by frame in order, whatever their timestamps say. Needs a build with libvmaf, which has its models built in.
 * @param dir takes a log
 */
export async function pictureQuality(
  ffmpeg: string,
  { made, reference, dir }: { made: string; reference: string; dir: string },
): Promise<Quality> {
  const graph = [
    // By number: times in two time bases are rounded apart, and each frame would meet the one before its own.
    '[0:v]settb=1/30,setpts=N,split[made][madeToo]',
    '[1:v]settb=1/30,setpts=N,split[true][trueToo]',
    // n_threads: one is the filter's default, two halve the wait.
    `[made][true]libvmaf=log_fmt=json:log_path=${LOG}:n_threads=2:n_subsample=${EVERY}:shortest=1`,
    '[madeToo][trueToo]ssim=shortest=1',
  ].join(';');
  const inputs = ['-i', made, '-i', reference];
  const { stderr } = await runMeasured(ffmpeg, [...inputs, '-filter_complex', graph, '-f', 'null', '-'], dir);
  const ssim = / SSIM .* All:([\d.]+)/.exec(stderr)?.[1];
  const log = JSON.parse(await readFile(join(dir, LOG), 'utf8')) as VmafLog;
  return { ...pooled(log.frames.map(({ metrics }) => metrics.vmaf)), ssim: Number(ssim) };
}

/** As libvmaf pools, which keeps a frame of 0 from ending the mean. */
export function pooled(frames: readonly number[]): Pick<Quality, 'vmaf' | 'lowest'> {
  const inverse = frames.reduce((sum, score) => sum + 1 / (score + 1), 0);
  return { vmaf: frames.length / inverse - 1, lowest: Math.min(...frames) };
}
