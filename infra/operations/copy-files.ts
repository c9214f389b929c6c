/** Copies files of a service that is working: some vanish meanwhile, and none is copied by half under its own name. */
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  copyTo,
  makeFolder,
  setMode,
  syncFolder,
  systemCode,
} from '../../functions/adapters/shared/files.ts';
import { isDiskFull } from '../../functions/base/errors.ts';

/** Files that are not finished: uploads, and copies to another disk. */
const PART = /^\..*\.part$/s;
const UNFINISHED = '.every-cut-copy.part';
const MB = 1_000_000;
/** For what is written meanwhile. */
const SPARE = 1.02;

/**
 * Paths of the files below a folder, in it, with slashes; none if there is no such folder. Links are not followed.
 * @param except a path in it that is left out, with all below it
 */
export async function filesIn(folder: string, except?: string, below = ''): Promise<string[]> {
  const entries = await unlessGone(readdir(join(folder, below), { withFileTypes: true }));
  const found: string[] = [];
  for (const entry of entries ?? []) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (path === except) continue;
    if (entry.isDirectory()) found.push(...(await filesIn(folder, except, path)));
    else if (entry.isFile() && !PART.test(entry.name)) found.push(path);
  }
  return found;
}

/** Of those that are still there. */
export async function bytesOf(folder: string, paths: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const path of paths) bytes += (await unlessGone(stat(join(folder, path))))?.size ?? 0;
  return bytes;
}

export interface CopyOptions {
  signal: AbortSignal;
  /** Of files and folders that are made, whatever the umask; default: as the umask says. */
  modes?: { file: number; folder: number };
}

/**
 * Copies a file, synced, and returns its length; undefined if it is gone, or a file is in its place already, which stays: files
 * of that name are finished.
 */
export async function copyWhole(from: string, to: string, options: CopyOptions): Promise<number | undefined> {
  const { signal, modes } = options;
  if ((await unlessGone(stat(to))) !== undefined) return undefined;
  await makeFolder(dirname(to), modes?.folder);
  // Whatever the length of the name. Files are copied one at a time.
  const part = join(dirname(to), UNFINISHED);
  await rm(part, { force: true });
  try {
    await copyTo(part, from, signal);
    if (modes !== undefined) await setMode(part, modes.file);
    const { size } = await stat(part);
    await rename(part, to);
    await syncFolder(dirname(to));
    return size;
  } catch (error) {
    await rm(part, { force: true });
    if (systemCode(error) === 'ENOENT' && (await unlessGone(stat(from))) === undefined) return undefined;
    throw error;
  }
}

/** Throws unless that many bytes, and a little more, are free on the disk of the folder. */
export async function requireRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const [needed, free] = [bytes * SPARE, bavail * bsize];
  if (free >= needed) return;
  throw new Error(
    `Expected ${megabytes(needed)} free on the disk of ${folder}, got ${megabytes(free)}. ` +
      'Next step: make room, or choose another disk.',
  );
}

/** What a full disk is called, in whatever step it shows. */
export function whereFull(error: unknown, folder: string): unknown {
  const isFull =
    isDiskFull(error) || (error instanceof Error && /database or disk is full/.test(error.message));
  if (!isFull) return error;
  return new Error(
    `Expected room on the disk of ${folder}, got none: it is full. Next step: make room, or choose another disk, and ` +
      'begin again.',
    { cause: error },
  );
}

/** A folder that only its owner may open. Its parent must be there: a disk that is not mounted is not written to. */
export async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
}

export function megabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`;
}

async function unlessGone<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}
