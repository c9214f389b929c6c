/** Turns errors of the system and of SQLite about DATA_DIR into one that says what happened, to which file, and what to do. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { isDiskFull, TransientError } from '../base/errors.ts';

export const DATABASE = 'every-cut.sqlite';

/** Result codes of SQLite; the upper bits of an extended code give the kind: https://sqlite.org/rescode.html */
const SQLITE = { busy: 5, readOnly: 8, io: 10, corrupt: 11, full: 13, cannotOpen: 14, notADatabase: 26 };
const PRIMARY_CODE = 0xff;
const RESTORE =
  'Next step: with the service stopped, restore a back-up (infra/OPERATIONS.md, "Restoring a back-up"). Without one, move ' +
  `${DATABASE} and the files that begin with this name away: the service then starts without the tasks of before. Videos and ` +
  'prepared clips stay.';

/** Runs `open` and explains its errors. Errors that this service has worded itself are passed on. */
export async function inDataDir<T>(dataDir: string, file: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    throw explained(dataDir, file, error) ?? error;
  }
}

/** Whether the content of the database is not what SQLite wrote. */
export function isDamage(error: unknown): boolean {
  const code = sqliteCode(error);
  return code === SQLITE.corrupt || code === SQLITE.notADatabase;
}

/** Undefined for an error that is not about a file. */
export function explained(dataDir: string, file: string, error: unknown): Error | undefined {
  if (!(error instanceof Error)) return undefined;
  const message = sentence(dataDir, file, error);
  return message === undefined ? undefined : new Error(message, { cause: error });
}

function sentence(dataDir: string, file: string, error: Error): string | undefined {
  const path = join(dataDir, file);
  if (isDiskFull(error) || sqliteCode(error) === SQLITE.full || isFullDatabase(error)) {
    return `Expected room on the disk of DATA_DIR (${dataDir}), got none: it is full. Next step: free space, then start again.`;
  }
  switch (sqliteCode(error)) {
    case SQLITE.notADatabase:
      return `Expected ${path} to be an SQLite database, got a file of another kind. ${RESTORE}`;
    case SQLITE.corrupt:
      return damaged(dataDir, error.message);
    case SQLITE.io:
      return `Expected ${path} to be readable and writable, got: ${error.message}. Next step: check the disk of DATA_DIR.`;
    case SQLITE.busy:
      return `Expected no other program to have ${path} open, got one that does. Next step: close it, then start again.`;
    case SQLITE.readOnly:
    case SQLITE.cannotOpen:
      return notUsable(dataDir, file, error.message);
    case undefined:
      return 'code' in error && 'syscall' in error ? notUsable(dataDir, file, error.message) : undefined;
    default:
      return `Expected ${path} to be usable, got: ${error.message}. ${RESTORE}`;
  }
}

export function damaged(dataDir: string, got: string): string {
  return `Expected ${join(dataDir, DATABASE)} to be a whole SQLite database, got a damaged one (${got}). ${RESTORE}`;
}

export function emptied(dataDir: string): string {
  return `Expected ${join(dataDir, DATABASE)} to hold the tasks of before, got an empty file of 0 bytes. ${RESTORE}`;
}

export function replaced(dataDir: string): string {
  return (
    `Expected ${join(dataDir, DATABASE)} to stay while the service runs, got another file of that name: it was replaced, as ` +
    'by a back-up. The service stops. Next step: if that was intended, restore the back-up again while the service is ' +
    'stopped (infra/OPERATIONS.md, "Restoring a back-up"), then start again.'
  );
}

export function vanished(dataDir: string): string {
  return (
    `Expected ${join(dataDir, DATABASE)} to stay while the service runs, got none: it, or its folder, was removed or renamed, ` +
    'or its disk is not mounted any more. The service stops. Next step: put it back, or restore a back-up ' +
    '(infra/OPERATIONS.md, "Restoring a back-up"), then start again.'
  );
}

/** Adapters translate SQLITE_FULL. */
function isFullDatabase(error: Error): boolean {
  return TransientError.is(error) && error.code === 'disk_full';
}

function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error ? Number(error.errcode) & PRIMARY_CODE : undefined;
}

/** What stands in the way, as far as it can be seen: a file, another owner, permissions. */
function notUsable(dataDir: string, file: string, got: string): string {
  const expected = `Expected DATA_DIR (${dataDir}) to be a folder that this service can write to, got`;
  const other = 'or set another DATA_DIR.';
  const uid = process.getuid?.();
  for (const path of [dataDir, join(dataDir, file)]) {
    const found = look(path);
    if (found === undefined) continue;
    if (path === dataDir ? !found.isDirectory() : found.isDirectory()) {
      const kind = path === dataDir ? 'a file' : `a folder named ${file} where a file belongs`;
      return `${expected} ${kind}. Next step: move it away, ${other}`;
    }
    if (uid !== undefined && uid !== 0 && found.uid !== uid) {
      return (
        `${expected} ${path} of user ${found.uid}, while the service runs as user ${uid} (${got}). Next step: run it as that ` +
        `user, give the folder to this one (chown -R ${uid} ${dataDir}), ${other}`
      );
    }
  }
  return `${expected}: ${got}. Next step: make it writable for the user that the service runs as, ${other}`;
}

function look(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    // A parent is closed to this user, or is a file; the system's own message says so.
    return undefined;
  }
}
