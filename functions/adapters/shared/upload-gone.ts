import type { PermanentError } from '../../base/errors.ts';
import { UPLOAD_DAYS } from '../../model/upload-id.ts';
import { permanent } from './network-errors.ts';

export function uploadGone(where: string): PermanentError {
  return permanent(
    'source_not_found',
    `Expected the file of ${where}, got none: uploads are kept ${UPLOAD_DAYS} days`,
    'upload the file again and post a new task with its url',
  );
}
