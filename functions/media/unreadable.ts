import { PermanentError } from '../base/errors.ts';

/** @param actual what the file is instead of a video or audio file */
export function unreadable(actual: string, cause?: unknown): PermanentError {
  return new PermanentError(
    'media_unreadable',
    'probe',
    `Expected a video or audio file (such as MP4, MOV, WebM, MKV, MP3, M4A or WAV), got: ${actual}. ` +
      'Check that the URL leads to the file itself and not to a page about it.',
    { cause },
  );
}
