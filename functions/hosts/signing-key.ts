/** The signing key of a service on one machine, in DATA_DIR. In the cloud it comes from Secret Manager. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../adapters/shared/files.ts';
import { keepSecret } from './kept-secret.ts';

export const SIGNING_KEY = 'signing.key';
/** 32 bytes in base64url. */
const KEY = /^[\w-]{43}$/;

/**
 * Made at the first start and kept, so that a restart can continue its tasks. Call it with the host's lock held.
 * @param sealedTasks how many tasks of the database need the key of before
 */
export async function signingKeyIn(dataDir: string, sealedTasks = 0): Promise<string> {
  const file = join(dataDir, SIGNING_KEY);
  try {
    const key = (await readFile(file, 'utf8')).trimEnd();
    if (KEY.test(key)) return key;
    // A power cut can leave an empty file, and nothing is sealed with an empty key.
    if (key !== '') throw unusable(file, `one of ${key.length} characters`);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  if (sealedTasks > 0) throw unusable(file, 'none', sealedTasks);
  const key = randomBytes(32).toString('base64url');
  await keepSecret(file, key);
  return key;
}

function unusable(file: string, got: string, sealedTasks?: number): Error {
  const tasks =
    sealedTasks === undefined
      ? 'the tasks of before'
      : `${sealedTasks} task${sealedTasks === 1 ? '' : 's'} of before`;
  return new Error(
    `Expected the key of 43 characters that seals ${tasks} in ${file}, got ${got}. Next step: restore it from a back-up ` +
      '(infra/OPERATIONS.md, "Restoring a back-up"). Without one, move it and every file that begins with every-cut.sqlite ' +
      'away: the service then starts without the tasks of before. Videos stay.',
  );
}
