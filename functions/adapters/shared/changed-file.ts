import { PermanentError } from '../../base/errors.ts';

/** For a reader whose file is not the one that was found: what was sent so far does not go together with the rest. */
export function changedFile(fileName: string): PermanentError {
  return new PermanentError(
    'output_missing',
    'save',
    `Expected ${fileName} as it was a moment ago, got none, or another file. Next step: ask for it again.`,
  );
}
