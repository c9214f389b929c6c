/** Reads the database from another process, also while a service is using it. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { copyDatabase } from './kept-copy.ts';

/** For the end of a commit of the service. */
const BUSY_TIMEOUT_MS = 5_000;

export interface DatabaseReader extends Disposable {
  /** Version of the schema. */
  readonly schema: number;
  /** Size of the file, without what is not merged into it yet. */
  readonly bytes: number;
  row<R>(sql: string, ...values: SQLInputValue[]): R | undefined;
  rows<R>(sql: string, ...values: SQLInputValue[]): R[];
  /** Writes a consistent state of the database to a new file, synced, that only its owner may read. */
  copyTo(file: string): void;
}

/** Throws an error of SQLite if there is no such file. */
export function readDatabase(path: string): DatabaseReader {
  const connection = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
  const pragma = (name: string) => Number(connection.prepare(`PRAGMA ${name}`).get()?.[name]);
  return {
    get schema() {
      return pragma('user_version');
    },
    get bytes() {
      return pragma('page_count') * pragma('page_size');
    },
    row: <R>(sql: string, ...values: SQLInputValue[]) =>
      connection.prepare(sql).get(...values) as R | undefined,
    rows: <R>(sql: string, ...values: SQLInputValue[]) => connection.prepare(sql).all(...values) as R[],
    copyTo: (file) => copyDatabase(connection, file),
    [Symbol.dispose]: () => connection.close(),
  };
}
