/** A copy of the database as it was before its schema changed, so that an upgrade can be rolled back. */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';

const PRIVATE = 0o600;

/**
 * Writes the database to a new file that only its owner may read, synced: a consistent state, whoever writes meanwhile. On
 * failure nothing stays under the name.
 */
export function copyDatabase(connection: DatabaseSync, to: string): void {
  // SQLite takes an empty file, and keeps its permissions.
  closeSync(openSync(to, 'wx', PRIVATE));
  try {
    connection.prepare('VACUUM INTO ?').run(to);
    sync(to, 'r+');
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  }
}

/**
 * Keeps the database of before a change to that schema version beside it, instead of any earlier copy.
 * @param path of the database
 */
export function keepCopy(connection: DatabaseSync, path: string, version: number): void {
  const kept = `${path}.before-v${version}`;
  const part = `${kept}.part`;
  // Left by a start that was interrupted.
  rmSync(part, { force: true });
  copyDatabase(connection, part);
  renameSync(part, kept);
  // Windows cannot sync folders.
  if (process.platform !== 'win32') sync(dirname(path), 'r');
  for (const other of copiesOf(path)) if (other !== kept) rmSync(other, { force: true });
}

/** The copies beside a database, normally one at most. */
export function copiesOf(path: string): string[] {
  const folder = dirname(path);
  const start = `${basename(path)}.before-v`;
  return readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .map((name) => join(folder, name));
}

/** Removes copies that were made before that time, milliseconds since the epoch: they contain signed URLs of old tasks. */
export function removeCopies(path: string, madeBefore: number): void {
  for (const copy of copiesOf(path)) if (statSync(copy).mtimeMs < madeBefore) rmSync(copy, { force: true });
}

function sync(path: string, flag: 'r' | 'r+'): void {
  const opened = openSync(path, flag);
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
