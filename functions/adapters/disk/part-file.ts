/** Gives finished files their final names, and knows what is left of copies that did not get that far. */
import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { cutToBytes } from '../../model/names.ts';
import { copyTo, setMode, systemCode } from '../shared/files.ts';

/** What is left of 255 bytes for the name inside `.<name>.<8 hex>.part`. */
const PART_NAME_BYTES = 240;
const PART = /^\.(.+)\.[0-9a-f]{8}\.part$/s;

/** Gives a file in the folder, or on the same disk, its final name. */
type Name = (from: string) => Promise<void>;

export async function moveTo(
  folder: string,
  fileName: string,
  file: string,
  signal: AbortSignal,
  name: Name,
): Promise<void> {
  try {
    await name(file);
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error;
    await copyOver(folder, fileName, file, signal, name);
    await rm(file);
  }
}

/**
 * For a target on another disk: copies to a hidden name beside it first, so that the final name is never half a
 * file.
 */
async function copyOver(
  folder: string,
  fileName: string,
  file: string,
  signal: AbortSignal,
  name: Name,
): Promise<void> {
  const part = join(folder, `.${nameInPart(fileName)}.${randomBytes(4).toString('hex')}.part`);
  try {
    await copyTo(part, file, signal);
    await setMode(part, (await stat(file)).mode);
    await name(part);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

/** Removes what is left of copies of these files, and returns how many there were. */
export async function removePartsIn(folder: string, fileNames: Iterable<string>): Promise<number> {
  const own = new Set(Array.from(fileNames, nameInPart));
  const parts = (await readdir(folder)).filter((name) => own.has(PART.exec(name)?.[1] ?? ''));
  // A part that cannot be removed does no harm: its name is hidden.
  for (const part of parts) await rm(join(folder, part), { force: true }).catch(() => {});
  return parts.length;
}

function nameInPart(fileName: string): string {
  return cutToBytes(fileName, PART_NAME_BYTES);
}
