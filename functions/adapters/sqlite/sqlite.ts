import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { TransientError } from '../../base/errors.ts';
import { systemCode } from '../shared/files.ts';
import { hashId } from '../shared/hash-id.ts';
import { copiesOf, keepCopy } from './kept-copy.ts';
import { MIGRATIONS } from './migrations.ts';

/** Short, because node:sqlite is synchronous: waiting for another process's lock blocks the event loop. */
const BUSY_TIMEOUT_MS = 250;
/** SQLITE_FULL, https://sqlite.org/rescode.html#full */
const SQLITE_FULL = 13;

/** One SQLite file. Every call is synchronous and, except in `unsynced`, durable when it returns. */
export interface Database extends Disposable {
  /** Runs a statement and returns the number of rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
  row<R>(sql: string, ...values: SQLInputValue[]): R | undefined;
  rows<R>(sql: string, ...values: SQLInputValue[]): R[];
  /** Commits all of `work` or nothing. `work` is synchronous; a nested transaction becomes part of the outer one. */
  transaction<T>(work: () => T): T;
  /**
   * What `work` commits survives the end of this process at once, but a power cut only with the next commit outside of it. For
   * what may be repeated without harm: most of the time of a commit is waiting for the disk.
   */
  unsynced<T>(work: () => T): T;
  close(): void;
}

export interface OpenOptions {
  /** Keep a copy of a database of an older schema, to roll back. Default: true. */
  keepsCopy?: boolean;
}

/**
 * Opens the file, creating it for its owner alone if missing, and brings its schema up to date. Only one process may have
 * it open.
 */
export function openDatabase(path: string, { keepsCopy = true }: OpenOptions = {}): Database {
  mkdirSync(dirname(path), { recursive: true });
  createPrivate(path);
  const connection = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: false });
  const prepared = new Map<string, StatementSync>();

  const statement = (sql: string): StatementSync => {
    const known = prepared.get(sql);
    if (known) return known;
    const made = connection.prepare(sql);
    prepared.set(sql, made);
    return made;
  };

  const transaction = <T>(work: () => T): T => {
    if (connection.isTransaction) return work();
    statement('BEGIN IMMEDIATE').run();
    try {
      const result = work();
      if (result instanceof Promise) throw new TypeError('A transaction must not span an await');
      statement('COMMIT').run();
      return result;
    } catch (error) {
      // After some errors, such as a full disk, SQLite has already rolled back.
      if (connection.isTransaction) statement('ROLLBACK').run();
      throw error;
    }
  };

  const unsynced = <T>(work: () => T): T => {
    // Within a transaction it cannot be changed, and that transaction decides.
    if (connection.isTransaction) return work();
    statement('PRAGMA synchronous = NORMAL').run();
    try {
      return work();
    } finally {
      statement('PRAGMA synchronous = FULL').run();
    }
  };

  const close = (): void => {
    prepared.clear();
    if (connection.isOpen) connection.close();
  };

  try {
    // What is deleted is overwritten, because tasks contain signed URLs.
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    connection.function('hash_id', { deterministic: true }, (key) => hashId(String(key)));
    migrate(connection, transaction, path, keepsCopy);
  } catch (error) {
    close();
    throw error;
  }
  return {
    run: (sql, ...values) => translated(() => Number(statement(sql).run(...values).changes)),
    row: <R>(sql: string, ...values: SQLInputValue[]) =>
      translated(() => statement(sql).get(...values) as R | undefined),
    rows: <R>(sql: string, ...values: SQLInputValue[]) =>
      translated(() => statement(sql).all(...values) as R[]),
    transaction: (work) => translated(() => transaction(work)),
    unsynced: (work) => translated(() => unsynced(work)),
    close,
    [Symbol.dispose]: close,
  };
}

/** SQLite gives the files beside it, -wal and -shm, the same permissions. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    // Not opened again: closing it would release the locks that this process has on it.
    if (systemCode(error) !== 'EEXIST') throw error;
  }
}

function migrate(
  connection: DatabaseSync,
  transaction: <T>(work: () => T) => T,
  path: string,
  keepsCopy: boolean,
): void {
  const found = Number(connection.prepare('PRAGMA user_version').get()?.['user_version']);
  if (found > MIGRATIONS.length) throw new Error(newer(path, found));
  if (found === MIGRATIONS.length) return;
  if (keepsCopy && found > 0) keepCopy(connection, path, MIGRATIONS.length);
  transaction(() => {
    for (const migration of MIGRATIONS.slice(found)) connection.exec(migration);
    connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
}

function newer(path: string, found: number): string {
  const [copy] = copiesOf(path);
  const older =
    copy === undefined ? 'the back-up made before the upgrade' : `${copy}, the copy from before the upgrade`;
  return (
    `Expected ${path} to have schema version ${MIGRATIONS.length} or older, got ${found}: a newer release wrote it. Next ` +
    `step: start that release again; or, to stay with this one, restore ${older} (infra/OPERATIONS.md, "Upgrade and roll-back").`
  );
}

/** Translates SQLite's errors: a full disk is transient; any other error is a bug or a broken disk. */
function translated<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_FULL) {
      throw new TransientError('disk_full', 'The disk is full: the task database cannot grow', {
        cause: error,
      });
    }
    throw error;
  }
}
