import { mkdtempSync, rmdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface EmptyFolder extends Disposable {
  /** Makes the folder at its first use. */
  path(): string;
}

/** A private folder that stays empty, to work in: a relative name leads nowhere from there. */
export function emptyFolder(): EmptyFolder {
  let made: string | undefined;
  return {
    path() {
      made ??= mkdtempSync(join(tmpdir(), 'every-cut-'));
      return made;
    },
    [Symbol.dispose]() {
      if (made === undefined) return;
      try {
        rmdirSync(made);
      } catch {
        // It is empty, and the system clears its folder for temporary files.
      }
      made = undefined;
    },
  };
}

/**
 * Whether a folder contains anything but files and folders. A link that a hijacked ffmpeg leaves instead of its output
 * would make this service read another file, with its own rights.
 */
export async function hasOddFiles(folder: string): Promise<boolean> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.some((entry) => !entry.isFile() && !entry.isDirectory());
}
