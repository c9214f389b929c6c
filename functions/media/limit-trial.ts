/** Tries whether the system enforces the limit on the memory of a run: some sandboxes accept it and ignore it. */
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError } from './ffmpeg-error.ts';

/** An encoder of this size takes nearly twice as much as it opens. */
const SIZE = '1920x1080';
const LIMIT_MB = 128;

/**
 * Takes half a second. Throws if the run fails for another reason.
 * @param memoryMb for tests
 */
export async function doesMemoryLimitBind(ffmpeg: Ffmpeg, memoryMb: number = LIMIT_MB): Promise<boolean> {
  const picture = ['-f', 'lavfi', '-i', `color=s=${SIZE}`, '-frames:v', '1'];
  try {
    await ffmpeg.run(['-v', 'info', '-nostats', ...picture, '-c:v', 'libx264', '-f', 'null', '-'], {
      signal: new AbortController().signal,
      timeoutMs: 30_000,
      memoryMb,
      fileMb: 0,
    });
    return false;
  } catch (error) {
    if (FfmpegError.is(error) && error.exceeded === 'memory') return true;
    throw error;
  }
}
