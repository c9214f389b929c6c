/** Files of this machine that a request names. */
import { access, constants, realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { mediaType } from './media-kinds.ts';
import { unreadable } from './read-text.ts';

export interface LocalFile {
  /** Absolute, as it was named: it may be a link. */
  path: string;
  /** Without links: the same for all names of one file. */
  real: string;
  bytes: number;
  modifiedMs: number;
  /** Media type. */
  type: string;
}

/** The file, or a mistake that begins with a small letter: its name stands before it. */
export async function inspectFile(path: string): Promise<LocalFile | { mistake: string }> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return { mistake: 'expected a file, got a folder. Name a file in it.' };
    if (!found.isFile())
      return { mistake: 'expected a file, got a pipe, a socket or a device. Move it away.' };
    if (found.size === 0)
      return { mistake: 'expected a file with content, got an empty one. Copy it again.' };
    await access(path, constants.R_OK);
    const { size: bytes, mtimeMs: modifiedMs } = found;
    return { path, real: await realpath(path), bytes, modifiedMs, type: mediaType(basename(path)) };
  } catch (error) {
    return { mistake: unreadable((error as NodeJS.ErrnoException).code) };
  }
}
