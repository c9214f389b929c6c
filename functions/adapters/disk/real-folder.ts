import { constants, existsSync } from 'node:fs';
import { lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../shared/files.ts';

/** On Linux an open folder has a path of its own, which leads to it whatever takes its name meanwhile. */
const OPEN_FOLDERS = '/proc/self/fd';
const HAS_OPEN_FOLDERS = existsSync(OPEN_FOLDERS);

/**
 * Works in a folder that others may write to as well, and never where a symbolic link that they put in its place leads.
 * `work` gets the path to use; names in it are the folder's own.
 * @throws {Error} ELOOP for a link, and the system's other errors
 */
export async function inRealFolder<T>(folder: string, work: (path: string) => Promise<T>): Promise<T> {
  if (process.platform === 'win32') {
    if ((await lstat(folder)).isSymbolicLink()) throw isLink(folder);
    return work(folder);
  }
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const opened = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch(async (error: unknown) => {
    // Linux says ENOTDIR of a link, too.
    throw systemCode(error) === 'ENOTDIR' && (await lstat(folder)).isSymbolicLink() ? isLink(folder) : error;
  });
  await using handle = opened;
  return await work(HAS_OPEN_FOLDERS ? `${OPEN_FOLDERS}/${handle.fd}` : folder);
}

/** The same in a folder in it, by the names that lead there. `ready` is called with the path of each before it is opened. */
export async function inRealSubFolder<T>(
  folder: string,
  names: readonly string[],
  work: (path: string) => Promise<T>,
  ready: (path: string) => Promise<void> = async () => {},
): Promise<T> {
  return inRealFolder(folder, async (place) => {
    const [first, ...rest] = names;
    if (first === undefined) return work(place);
    const inner = join(place, first);
    await ready(inner);
    return inRealSubFolder(inner, rest, work, ready);
  });
}

/** @throws {Error} ELOOP if a symbolic link has that name */
export async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) !== 'ENOENT') throw error;
  });
  if (found?.isSymbolicLink()) throw isLink(path);
}

function isLink(path: string): Error {
  return Object.assign(new Error(`Expected no symbolic link, got one: ${path}`), {
    code: 'ELOOP',
    syscall: 'open',
  });
}
