import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Config } from '../../functions/config/config.ts';

/** The folder of our own files in DATA_DIR, made if missing. */
export async function makeOwnFolder({ dataDir }: Pick<Config, 'dataDir'>): Promise<string> {
  const folder = join(dataDir, 'make');
  await mkdir(dirname(dataDir), { recursive: true });
  // Private, as the service makes it.
  for (const dir of [dataDir, folder]) {
    await mkdir(dir, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
  return folder;
}
