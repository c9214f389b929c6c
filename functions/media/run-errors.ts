/** Errors of a run that have nothing to do with what ffmpeg prints. */
import { accessSync, constants } from 'node:fs';
import { TransientError } from '../base/errors.ts';
import { FfmpegError, withoutDirectories } from './ffmpeg-error.ts';

export function stopping(): TransientError {
  return new TransientError('ffmpeg_killed', 'Expected the service to keep running, got a stop.');
}

/** No ffmpeg does that. Its input has taken it over. */
export function oddFiles(stderr: string): FfmpegError {
  const shortMessage = 'a link or device in place of its output';
  return new FfmpegError({ exitCode: 0, signal: null, exceeded: null, stderr, shortMessage });
}

/** Checked here because the message of the shell that starts ffmpeg is less clear. */
export function refuseMissing(path: string): void {
  try {
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw notStarted((cause as NodeJS.ErrnoException).code ?? 'no permission', cause);
  }
}

export function notStarted(actual: string, cause?: unknown): Error {
  return new Error(`Expected ffmpeg to start, got ${withoutDirectories(actual)}. Check FFMPEG_BIN.`, {
    cause,
  });
}
