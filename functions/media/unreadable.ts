import { PermanentError } from '../base/errors.ts';
import type { Refused } from './file-kind.ts';

/** @param actual what the file is instead of a video or audio file */
export function unreadable(actual: string, cause?: unknown): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a video or audio file (such as MP4, MOV, WebM, MKV, MP3, M4A or WAV), got: ${actual}. ` +
      'Check that the file plays, and that a link leads to the file itself and not to a page about it.',
    { cause },
  );
}

/** For a file that is known to be something else. */
export function refused({ is, next }: Refused): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a video, photo or sound that is accepted (such as MP4, MOV, WebM, JPEG, PNG, MP3 or WAV), got: ${is}. ${next}`,
  );
}
