import { readFile, stat } from 'node:fs/promises';
import { decodeText } from './decode-text.ts';

/** Far more than a request or a thousand lines take. */
const MOST_MB = 5;
const MB = 1_000_000;

/**
 * A text that somebody wrote. Reading a pipe may wait for ever, and a device may never end: neither is opened.
 * Throws an Error that begins with a small letter: the name of the file stands before it.
 */
export async function readText(path: string): Promise<string> {
  try {
    const found = await stat(path);
    if (!found.isFile()) {
      const got = found.isDirectory() ? 'a folder' : 'a pipe, a socket or a device';
      throw new Error(`expected a file with text, got ${got}. Move it away.`);
    }
    if (found.size > MOST_MB * MB)
      throw new Error(
        `expected a text of at most ${MOST_MB} MB, got ${Math.ceil(found.size / MB)} MB. See whether it is the file that you mean.`,
      );
    return decodeText(await readFile(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Error(unreadable(code), { cause: error });
  }
}

/** What is wrong with a file, by the code of the system's error. */
export function unreadable(code: string | undefined): string {
  switch (code) {
    case 'ENOENT':
      return 'expected a file there, got none, or a link to none. Correct the path, or remove the link.';
    case 'EACCES':
    case 'EPERM':
      return 'expected a file that you may read, got one without that permission. Change its permissions.';
    default:
      return `expected a file that can be read, got ${code ?? 'an error'}. Copy it again, or move it away.`;
  }
}
