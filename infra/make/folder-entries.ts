/** What lies in a folder, in the order in which people count: clip 2 before clip 10. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

export interface Entry {
  name: string;
  path: string;
  kind: 'folder' | 'file' | 'broken';
}

/** What systems put into folders by themselves. Names that begin with a dot are hidden, too. */
const CLUTTER = ['thumbs.db', 'ehthumbs.db', 'desktop.ini', 'icon\r', '__macosx', '$recycle.bin'];
const NATURAL = new Intl.Collator('en', { numeric: true });

/** Links are followed. Throws system errors. */
export async function entriesOf(folder: string): Promise<Entry[]> {
  const names = (await readdir(folder)).filter((name) => !isClutter(name)).sort(byNumber);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { name, path, kind: await kindOf(path) };
    }),
  );
}

/** For sorting. The same order on every system. */
export function byNumber(one: string, other: string): number {
  return NATURAL.compare(one.normalize(), other.normalize()) || (one < other ? -1 : 1);
}

function isClutter(name: string): boolean {
  return name.startsWith('.') || CLUTTER.includes(name.toLowerCase());
}

async function kindOf(path: string): Promise<Entry['kind']> {
  try {
    const found = await stat(path);
    // Reading a pipe may wait for ever, and even Ctrl-C with it.
    return found.isDirectory() ? 'folder' : found.isFile() ? 'file' : 'broken';
  } catch {
    // A link to nowhere, or in a circle, or a name that cannot be read.
    return 'broken';
  }
}
