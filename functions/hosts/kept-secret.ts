import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from '../adapters/shared/files.ts';

/** Writes a secret that must outlive a power cut. Never half of it under its name, which would stop every later start. */
export async function keepSecret(file: string, text: string): Promise<void> {
  const part = `${file}.part`;
  await rm(part, { force: true });
  await writeFile(part, text, { mode: 0o600, flag: 'wx', flush: true });
  await rename(part, file);
  await syncFolder(dirname(file));
}
