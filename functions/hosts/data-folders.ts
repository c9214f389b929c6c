/** Where a host keeps files in DATA_DIR, and that only its own user may read them. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { makePrivateFolder } from '../adapters/disk/private-folder.ts';
import type { Config } from '../config/config.ts';

const MARK = /^(every-cut\.sqlite|host\.lock)$/;
/** What any version has put into DATA_DIR. */
const OWN =
  /^(every-cut\.sqlite.*|host\.(lock|json)|service\.json|artifacts|uploads|tmp|empty|children|instance\.id(\.part)?|signing\.key(\.part)?|webhook\.secret(\.part)?|outputs\.json(\.part)?|demo\.log)$/;
const ONLY_OWNER = 0o077;
/** Of the process before the first host in it: what OUTPUT_DIR keeps to. */
let umaskBefore: number | undefined;

/** Where a host keeps files in DATA_DIR. All are on one file system, so that finished work is moved, not copied. */
export function dataFolders({ dataDir }: Pick<Config, 'dataDir'>) {
  return {
    artifacts: join(dataDir, 'artifacts'),
    /** Files that callers sent, to name them as sources. */
    uploads: join(dataDir, 'uploads'),
    /** Unfinished work. */
    temp: join(dataDir, 'tmp'),
    /** Where programs work that need no folder. */
    empty: join(dataDir, 'empty'),
    /** Which children are running. */
    children: join(dataDir, 'children'),
    /** Which output folders there were. */
    outputs: join(dataDir, 'outputs.json'),
  };
}

/**
 * Makes DATA_DIR private, and every file that this process and its children create from now on. Returns the umask for
 * files that people share.
 */
export async function closeDataDir({ dataDir }: Pick<Config, 'dataDir'>): Promise<number> {
  umaskBefore ??= process.umask(ONLY_OWNER);
  await makePrivateFolder({ dir: dataDir, parents: 0o777 & ~umaskBefore, mark: MARK, own: OWN });
  return umaskBefore;
}

/** Throws an error that names the first file which is in the place of a folder. */
export function checkDataFolders(config: Pick<Config, 'dataDir'>): void {
  const { artifacts, uploads, temp, empty, children } = dataFolders(config);
  for (const path of [artifacts, uploads, temp, empty, children]) {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== false) continue;
    throw new Error(
      `Expected ${path} to be a folder, got a file. Next step: move it away, or set another DATA_DIR.`,
    );
  }
}
