/** The signing key of a service on one machine, in DATA_DIR. In the cloud it comes from Secret Manager. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = 'signing.key';
/** 32 bytes in base64url. */
const KEY = /^[\w-]{43}$/;

/** Made at the first start and kept, so that a restart can continue its tasks. Call it with the host's lock held. */
export async function signingKeyIn(dataDir: string): Promise<string> {
  const file = join(dataDir, NAME);
  try {
    const key = await readFile(file, 'utf8');
    if (KEY.test(key)) return key;
    throw new Error(
      `Expected a key of 43 characters in ${NAME}, got ${key.length}. Restore it from a back-up, or remove it: ` +
        'tasks from before are then not continued',
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(32).toString('base64url');
  await writeFile(file, key, { mode: 0o600, flag: 'wx', flush: true });
  return key;
}
