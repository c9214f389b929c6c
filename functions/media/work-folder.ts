import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs';
import { readdir, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Less than any run leaves free that did not fill the disk. */
const ALMOST_FULL_BYTES = 16 * 2 ** 20;

export interface EmptyFolder extends Disposable {
  /** Makes the folder at its first use. */
  path(): string;
}

/**
 * A private folder that stays empty, to work in: a relative name leads nowhere from there.
 * @param fixed its path, which a process that was killed leaves to the next one; a new temporary folder if absent
 */
export function emptyFolder(fixed?: string): EmptyFolder {
  let made: string | undefined;
  return {
    path() {
      if (made !== undefined) return made;
      if (fixed !== undefined) mkdirSync(fixed, { recursive: true, mode: 0o700 });
      made = fixed ?? mkdtempSync(join(tmpdir(), 'every-cut-'));
      return made;
    },
    [Symbol.dispose]() {
      if (made === undefined) return;
      try {
        rmdirSync(made);
      } catch {
        // It is empty, and does no harm.
      }
      made = undefined;
    },
  };
}

/**
 * Whether a folder, or one in it, contains anything but files and folders. A link that a hijacked ffmpeg leaves instead of its output
 * would make this service read another file, with its own rights.
 */
export async function hasOddFiles(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.some((entry) => !entry.isFile() && !entry.isDirectory());
}

/** Whether the disk of a folder has next to no room left, as far as its file system says. */
export async function isAlmostFull(folder: string): Promise<boolean> {
  const { bavail, bsize, blocks } = await statfs(folder);
  return blocks > 0 && bavail * bsize < ALMOST_FULL_BYTES;
}
