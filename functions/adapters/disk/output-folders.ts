import { readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TransientError } from '../../base/errors.ts';
import { makeFolder, syncFolder, systemCode } from '../shared/files.ts';

/** The deepest mount point on the way to a folder, when it was last seen; null if it is on the disk of the system. */
type MountPoint = string | null;

export interface OutputFolders {
  /**
   * Makes the folder if there was none before, and makes sure that it is the one of before otherwise.
   * @throws TransientError output_gone, or an error of the system
   */
  ensure(dir: string, mode?: number): Promise<void>;
  /** @throws TransientError output_gone if the folder was there and is gone. Makes nothing. */
  check(dir: string): Promise<void>;
}

/**
 * Remembers which output folders there were: one whose disk is not mounted must not be made anew, in the place where the
 * disk belongs. Only whether something is mounted is compared, because device numbers change with every start of a machine.
 * @param file what is remembered, as JSON; undefined: nothing beyond this process
 */
export function createOutputFolders(file?: string): OutputFolders {
  let known: Promise<Map<string, MountPoint>> | undefined;
  let isNoted = true;
  let noting = Promise.resolve();
  const readKnown = () => {
    known ??= file === undefined ? Promise.resolve(new Map()) : read(file);
    return known;
  };

  /** One after the other: two writers of the same file would spoil it. */
  const note = (folders: ReadonlyMap<string, MountPoint>): Promise<void> => {
    noting = noting.then(async () => {
      if (isNoted || file === undefined) return;
      isNoted = true;
      // A full disk is no reason to refuse work. The next use tries again.
      await write(file, folders).catch(() => {
        isNoted = false;
      });
    });
    return noting;
  };

  const remember = async (dir: string, seen: MountPoint) => {
    const folders = await readKnown();
    // Never forgets a mount point: the disk may have been unmounted since it was looked for.
    if (!folders.has(dir) || (seen !== null && folders.get(dir) !== seen)) {
      folders.set(dir, seen);
      isNoted = false;
    }
    await note(folders);
  };

  const isThere = async (dir: string): Promise<boolean> => {
    const folders = await readKnown();
    const mount = folders.get(dir) ?? null;
    if (mount !== null && !(await isMounted(mount))) {
      // Only for the log: the message reaches callers, to whom the path of DATA_DIR is of no use.
      const cause = file && new Error(`If it is not on a disk of its own any more, remove ${file}`);
      throw gone(dir, `nothing mounted at ${mount}. Mount its disk.`, cause);
    }
    const found = await stat(dir).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT' || !folders.has(dir)) return undefined;
      const cure = `If its disk is not mounted, mount it; if you removed the folder, make it again with mkdir -p ${dir}.`;
      throw gone(dir, `no folder of that name. ${cure}`);
    });
    return found?.isDirectory() === true;
  };

  /** On the disk of DATA_DIR, there is nothing to compare: one cannot be mounted without the other. */
  const seenAt = async (dir: string): Promise<MountPoint> => {
    const own = file === undefined ? undefined : await stat(dirname(file)).catch(() => undefined);
    return own?.dev === (await stat(dir)).dev ? null : mountPointOf(dir);
  };

  return {
    async ensure(dir, mode) {
      if (!(await isThere(dir))) await makeFolder(dir, mode);
      await remember(dir, await seenAt(dir));
    },

    async check(dir) {
      if (await isThere(dir)) await remember(dir, await seenAt(dir));
    },
  };
}

function gone(dir: string, got: string, cause?: unknown): TransientError {
  return new TransientError(
    'output_gone',
    `Expected the output folder ${dir}, which was there before, got ${got}`,
    { cause },
  );
}

async function mountPointOf(dir: string): Promise<MountPoint> {
  for (let path = await realpath(dir); dirname(path) !== path; path = dirname(path)) {
    if (await isMounted(path)) return path;
  }
  return null;
}

async function isMounted(path: string): Promise<boolean> {
  try {
    return (await stat(path)).dev !== (await stat(dirname(path))).dev;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

async function read(file: string): Promise<Map<string, MountPoint>> {
  try {
    const { folders } = JSON.parse(await readFile(file, 'utf8')) as { folders: [string, MountPoint][] };
    return new Map(folders);
  } catch {
    // Missing at the first start, or damaged: then the folders are noted again when they are used.
    return new Map();
  }
}

async function write(file: string, known: ReadonlyMap<string, MountPoint>): Promise<void> {
  const part = `${file}.part`;
  await writeFile(part, `${JSON.stringify({ folders: [...known] })}\n`, { flush: true });
  await rename(part, file);
  await syncFolder(dirname(file));
}
