import { join } from 'node:path';
import type { Config } from '../config/config.ts';

/** Where a host keeps files in DATA_DIR. All are on one file system, so that finished work is moved, not copied. */
export function dataFolders({ dataDir }: Pick<Config, 'dataDir'>) {
  return {
    artifacts: join(dataDir, 'artifacts'),
    /** Unfinished work. */
    temp: join(dataDir, 'tmp'),
    /** Where programs work that need no folder. */
    empty: join(dataDir, 'empty'),
  };
}
