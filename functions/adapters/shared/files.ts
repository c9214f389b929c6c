import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** The system's own name for what went wrong: ENOENT, EACCES. Undefined for errors of other origin. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  return String(error.code);
}

/** With all the folders above it. Node's own `recursive` never comes back from /proc, where mkdir says ENOENT for ever. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path).catch((again: unknown) => {
      if (systemCode(again) !== 'EEXIST') throw again;
    });
  }
}

/** After this the bytes survive a power cut. */
export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.sync();
}

/** After this the names in a folder survive a power cut. Windows cannot, and writes them itself. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  await using handle = await open(folder, 'r');
  await handle.sync();
}

/** SHA-256 of a file's bytes, hex, without holding them. */
export async function checksum(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/** Copies to a file that is not there yet, and syncs it. On abort or failure half of it may be left. */
export async function copyTo(target: string, file: string, signal?: AbortSignal): Promise<void> {
  await pipeline(createReadStream(file), createWriteStream(target, { flags: 'wx', flush: true }), {
    ...(signal && { signal }),
  });
}

/** Gives a folder of plain files another name in one step; from another disk by way of `copy`, beside the target. */
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
