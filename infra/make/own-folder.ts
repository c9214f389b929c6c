import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../functions/config/config.ts';

/** The folder of our own files in DATA_DIR, made if missing. Throws an Error that says what to do if that cannot be. */
export async function makeOwnFolder({ dataDir }: Pick<Config, 'dataDir'>): Promise<string> {
  const folder = join(dataDir, 'make');
  try {
    await mkdir(dirname(dataDir), { recursive: true });
    // Private, as the service makes it.
    for (const dir of [dataDir, folder]) {
      await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new Error(
      `Expected a folder for notes and prepared clips at ${dataDir}, got ${code} when making it. ` +
        'Next step: set DATA_DIR to a folder that can be written.',
      { cause },
    );
  }
  return folder;
}
