/** What a back-up consists of: files in `data/` and `output/`, and a list of them that is written last. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../functions/adapters/shared/files.ts';

export const DATA = 'data';
export const OUTPUT = 'output';
const LIST = 'backup.json';

export interface BackUp {
  /** Of the release that made it. */
  version: string;
  /** Of the database. */
  schema: number;
  /** ISO 8601: when the database was copied. What happened later is not in it. */
  madeAt: string;
  dataDir: string;
  /** Null: videos were saved elsewhere. */
  outputDir: string | null;
  /** Whether the files of OUTPUT_DIR are in it. */
  hasVideos: boolean;
  tasks: number;
  unfinished: number;
  /** Paths in the folder, with slashes. */
  files: { path: string; bytes: number }[];
}

export function listIn(folder: string): string {
  return join(folder, LIST);
}

/** Throws an error that says what is missing, unless the back-up is complete. */
export async function readBackUp(folder: string): Promise<BackUp> {
  let backUp: BackUp;
  try {
    backUp = JSON.parse(await readFile(listIn(folder), 'utf8')) as BackUp;
    if (!Array.isArray(backUp?.files)) throw new TypeError('a list without files');
  } catch (error) {
    throw new Error(
      `Expected a complete back-up in ${folder}, got ${systemCode(error) ?? 'a damaged list'} for its ${LIST}, which is ` +
        'written last. Next step: choose a folder that npm run back-up has finished.',
      { cause: error },
    );
  }
  for (const { path, bytes } of backUp.files) {
    const found = await stat(join(folder, path)).catch(() => undefined);
    if (found?.size === bytes) continue;
    throw new Error(
      `Expected ${path} of the back-up in ${folder} with ${bytes} bytes, got ${found ? `${found.size} bytes` : 'no file'}. ` +
        'Next step: copy the back-up again, or choose another one.',
    );
  }
  return backUp;
}
