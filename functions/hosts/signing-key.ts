/** The signing key of a service on one machine, in DATA_DIR. In the cloud it comes from Secret Manager. */
import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncFolder, systemCode } from '../adapters/shared/files.ts';

const NAME = 'signing.key';
/** 32 bytes in base64url. */
const KEY = /^[\w-]{43}$/;

/** Made at the first start and kept, so that a restart can continue its tasks. Call it with the host's lock held. */
export async function signingKeyIn(dataDir: string): Promise<string> {
  const file = join(dataDir, NAME);
  try {
    const key = (await readFile(file, 'utf8')).trimEnd();
    if (KEY.test(key)) return key;
    // A power cut can leave an empty file, and nothing is sealed with an empty key.
    if (key !== '')
      throw new Error(
        `Expected a key of 43 characters in ${NAME}, got ${key.length}. Restore it from a back-up, or remove it: ` +
          'tasks from before are then not continued',
      );
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const key = randomBytes(32).toString('base64url');
  // Never half of it under its name, which would stop every later start.
  const part = `${file}.part`;
  await rm(part, { force: true });
  await writeFile(part, key, { mode: 0o600, flag: 'wx', flush: true });
  await rename(part, file);
  await syncFolder(dataDir);
  return key;
}
