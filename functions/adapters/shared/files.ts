import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** The code of a system error, such as ENOENT or EACCES; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}

/**
 * Creates missing parents too. Node's `recursive` never returns below /proc, where mkdir always reports ENOENT.
 * @param mode of what is created, whatever the umask of the process
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const make = async () => {
    await mkdir(path);
    if (mode !== undefined) await setMode(path, mode);
  };
  try {
    await make();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), mode);
    await make().catch((again: unknown) => {
      if (systemCode(again) !== 'EEXIST') throw again;
    });
  }
}

/** Whatever the umask of the process. Some disks, such as FAT, have no permissions and refuse: what they have must do. */
export async function setMode(path: string, mode: number): Promise<void> {
  await chmod(path, mode).catch(() => {});
}

/** Once it resolves, the file's bytes survive a power cut. */
export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.sync();
}

/** Once it resolves, the names in a folder survive a power cut. Windows cannot sync folders and writes names itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** SHA-256 of a file in hex, computed as a stream. */
export async function checksum(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Copies to a new file and syncs it. On abort or failure a part of it may remain, to which nothing is written any more. */
export async function copyTo(target: string, file: string, signal?: AbortSignal): Promise<void> {
  await using handle = await open(target, 'wx');
  await pipeline(createReadStream(file), handle.createWriteStream({ flush: true }), {
    ...(signal && { signal }),
  });
}

/** Renames a folder of plain files in one step. From another disk it is first copied to `copy`, next to the target. */
export async function moveFolder(from: string, target: string, copy: string): Promise<void> {
  try {
    await rename(from, target);
    return;
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
  }
  try {
    await mkdir(copy, { recursive: true });
    for (const name of await readdir(from)) await copyTo(join(copy, name), join(from, name));
    await syncFolder(copy);
    await rename(copy, target);
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
}
