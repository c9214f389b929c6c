/** Tells one voice from another, and whether its files were changed. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { VoiceFiles } from './voice-folder.ts';

/** Of everything that the engine reads, as hex digits. Rejects if a file cannot be read. */
export async function contentHash(dir: string, files: VoiceFiles): Promise<string> {
  const hash = createHash('sha256');
  for (const path of ownFiles(files)) {
    hash.update(`${relative(dir, path)}\0${statSync(path).size}\0`);
    for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array);
  }
  const rules = files.espeakData === undefined ? [] : await filesIn(files.espeakData);
  // Hundreds of small files.
  for (const path of rules.sort()) {
    const bytes = await readFile(path);
    hash.update(`${relative(dir, path)}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex');
}

/** Changes when a file of the voice is replaced. Throws if one is gone. */
export function signatureOf(files: VoiceFiles): string {
  return JSON.stringify(
    ownFiles(files).map((path) => {
      const { size, mtimeMs, ino } = statSync(path);
      return [size, mtimeMs, ino];
    }),
  );
}

function ownFiles({ model, tokens, voices, lexicons }: VoiceFiles): string[] {
  return [model, tokens, ...(voices === undefined ? [] : [voices]), ...lexicons];
}

async function filesIn(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
