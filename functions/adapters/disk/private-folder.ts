import type { Stats } from 'node:fs';
import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, systemCode } from '../shared/files.ts';

const PRIVATE_FOLDER = 0o700;
const PRIVATE_FILE = 0o600;
/** Permissions of the group and of others. */
const OTHERS = 0o077;
/** Set on folders that many people share, such as /tmp. */
const STICKY = 0o1000;

export interface PrivateFolderOptions {
  dir: string;
  /** Permissions of folders above it that are made. They may lead to files that people share, whatever the umask of now. */
  parents: number;
  /** Names that only a folder of ours contains. */
  mark: RegExp;
  /** Names of all that is ours in it. */
  own: RegExp;
}

/**
 * Creates a folder that only its owner may open. One from a version that left it open to everyone on the machine is closed,
 * with what is ours in it, unless it belongs to another user. A folder that is not recognised stays as it is: the setting
 * may name one that other programs use, too.
 */
export async function makePrivateFolder({ dir, parents, mark, own }: PrivateFolderOptions): Promise<void> {
  await makeFolder(dirname(dir), parents);
  try {
    await mkdir(dir, { mode: PRIVATE_FOLDER });
    return;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const found = await stat(dir);
  // Windows has other permissions, and home folders are private there.
  if (process.platform === 'win32' || !found.isDirectory() || !isOurs(found) || !isOpen(found)) return;
  const names = await readdir(dir);
  if (names.length > 0 && !names.some((name) => mark.test(name))) return;
  for (const name of names) if (own.test(name)) await close(join(dir, name));
  // Last, so that an interrupted start is made up for by the next.
  if ((found.mode & STICKY) === 0) await chmod(dir, PRIVATE_FOLDER);
}

/** Follows no symbolic link. */
async function close(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink() || !isOurs(found)) return;
  if (found.isDirectory()) for (const name of await readdir(path)) await close(join(path, name));
  if (isOpen(found)) await chmod(path, found.isDirectory() ? PRIVATE_FOLDER : PRIVATE_FILE);
}

function isOpen({ mode }: Stats): boolean {
  return (mode & OTHERS) !== 0;
}

function isOurs({ uid }: Stats): boolean {
  return uid === process.getuid?.();
}
