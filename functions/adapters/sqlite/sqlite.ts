import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { TransientError } from '../../base/errors.ts';
import { systemCode } from '../shared/files.ts';
import { hashId } from '../shared/hash-id.ts';

/** Short, because node:sqlite is synchronous: waiting for another process's lock blocks the event loop. */
const BUSY_TIMEOUT_MS = 250;
/** SQLITE_FULL, https://sqlite.org/rescode.html#full */
const SQLITE_FULL = 13;

/** One entry per schema version. Only append; never edit an entry, because databases of every version are in use. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE tasks (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    folder_id TEXT NOT NULL,
    id_start TEXT NOT NULL,
    body TEXT NOT NULL,
    combinations INTEGER NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    first_report_at INTEGER,
    completion_published INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    UNIQUE (folder_id, id_start)
  ) STRICT;
  CREATE INDEX tasks_unfinished ON tasks (seq) WHERE finished_at IS NULL;

  CREATE TABLE reports (
    task_id TEXT NOT NULL,
    combination INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task_id, combination)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE pins (
    task_id TEXT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (task_id, name)
  ) STRICT, WITHOUT ROWID;

  -- held_until is NULL once released; a time that has passed means a holder that died.
  CREATE TABLE leases (
    key TEXT PRIMARY KEY,
    token TEXT NOT NULL,
    held_until INTEGER,
    taken_at INTEGER NOT NULL,
    takes INTEGER NOT NULL,
    crashes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE urls (
    url TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    validator TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'parked')),
    task_id TEXT NOT NULL,
    body TEXT NOT NULL,
    available_at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  -- Covers the choice of the next message, which looks at every waiting one.
  CREATE INDEX messages_next ON messages (topic, state, task_id, id, available_at);
  `,
  `
  ALTER TABLE leases ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
  -- In the order in which a task's messages are taken.
  DROP INDEX messages_next;
  CREATE INDEX messages_next ON messages (topic, state, task_id, available_at, id);
  `,
  `
  ALTER TABLE tasks ADD COLUMN cancelled_at INTEGER;
  -- expires_at is NULL where a claim stands for ever.
  CREATE TABLE claims (
    key TEXT PRIMARY KEY,
    task_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    expires_at INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX claims_expiring ON claims (expires_at) WHERE expires_at IS NOT NULL;
  `,
  `
  -- Hosts that died while they handled it.
  ALTER TABLE messages ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
  DROP INDEX messages_next;
  CREATE INDEX messages_next ON messages (topic, state, task_id, available_at, id, deaths);
  CREATE INDEX messages_suspect ON messages (id) WHERE deaths >= 2;
  `,
  `UPDATE tasks SET body = json_set(body, '$.fileId', id) WHERE json_extract(body, '$.fileId') IS NULL`,
  `CREATE TABLE ids (key TEXT PRIMARY KEY, id TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `
  -- rests_until is NULL before the first rest, of which round is the number.
  CREATE TABLE attempts (
    key TEXT PRIMARY KEY,
    crashes INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    round INTEGER NOT NULL,
    rests_until INTEGER,
    changed_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO attempts SELECT key, crashes, failures, 0, NULL, taken_at FROM leases WHERE crashes + failures > 0;

  ALTER TABLE leases DROP COLUMN takes;
  ALTER TABLE leases DROP COLUMN crashes;
  ALTER TABLE leases DROP COLUMN failures;
  ALTER TABLE leases RENAME COLUMN taken_at TO changed_at;

  -- By the hash of the key, which may be a secret.
  CREATE TABLE memos (id TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO memos SELECT hash_id(key), id FROM ids;
  INSERT INTO memos SELECT
    hash_id('url/' || url), json_object('content', content, 'validator', json(validator)) FROM urls;
  DROP TABLE urls;
  DROP TABLE ids;
  `,
  `
  -- NULL in rows of earlier versions, which are not used any more.
  ALTER TABLE tasks ADD COLUMN seal TEXT;
  ALTER TABLE reports ADD COLUMN seal TEXT;
  ALTER TABLE claims ADD COLUMN seal TEXT;
  `,
  `
  CREATE INDEX tasks_finished ON tasks (finished_at) WHERE finished_at IS NOT NULL;
  -- Tasks that are gone, while some of their reports, pins and messages are still to be removed.
  CREATE TABLE pruned (task_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  ALTER TABLE memos ADD COLUMN used_at INTEGER NOT NULL DEFAULT 0;
  UPDATE memos SET used_at = unixepoch() * 1000;
  CREATE INDEX memos_used ON memos (used_at);

  ALTER TABLE attempts ADD COLUMN lapses TEXT;
  `,
  `
  -- Times of the latest successes, as JSON.
  ALTER TABLE tasks ADD COLUMN succeeded_at TEXT NOT NULL DEFAULT '[]';
  ALTER TABLE tasks DROP COLUMN first_report_at;
  `,
  `
  CREATE TABLE problems (
    task_id TEXT NOT NULL,
    work TEXT NOT NULL,
    body TEXT NOT NULL,
    since INTEGER NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (task_id, work)
  ) STRICT, WITHOUT ROWID;
  -- They end with their task, whoever ends or removes it.
  CREATE TRIGGER problems_over AFTER UPDATE OF finished_at ON tasks WHEN new.finished_at IS NOT NULL BEGIN
    DELETE FROM problems WHERE task_id = new.id;
  END;
  CREATE TRIGGER problems_forgotten AFTER DELETE ON tasks BEGIN
    DELETE FROM problems WHERE task_id = old.id;
  END;
  `,
];

/** One SQLite file. Every call is synchronous and durable when it returns. */
export interface Database extends Disposable {
  /** Runs a statement and returns the number of rows it changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
  row<R>(sql: string, ...values: SQLInputValue[]): R | undefined;
  rows<R>(sql: string, ...values: SQLInputValue[]): R[];
  /** Commits all of `work` or nothing. `work` is synchronous; a nested transaction becomes part of the outer one. */
  transaction<T>(work: () => T): T;
  close(): void;
}

/**
 * Opens the file, creating it for its owner alone if missing, and brings its schema up to date. Only one process may have
 * it open.
 */
export function openDatabase(path: string): Database {
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

  const close = (): void => {
    prepared.clear();
    if (connection.isOpen) connection.close();
  };

  try {
    // What is deleted is overwritten, because tasks contain signed URLs.
    connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
    connection.function('hash_id', { deterministic: true }, (key) => hashId(String(key)));
    migrate(connection, transaction);
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

function migrate(connection: DatabaseSync, transaction: <T>(work: () => T) => T): void {
  const found = Number(connection.prepare('PRAGMA user_version').get()?.['user_version']);
  if (found > MIGRATIONS.length) {
    throw new Error(
      `Expected a database of schema version ${MIGRATIONS.length} or older, got ${found}: ` +
        'a newer release wrote it. Start that release, or set another DATA_DIR.',
    );
  }
  if (found === MIGRATIONS.length) return;
  transaction(() => {
    for (const migration of MIGRATIONS.slice(found)) connection.exec(migration);
    connection.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  });
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
