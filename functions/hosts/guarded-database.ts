/** Notices that the task database is damaged or gone while the service runs, which then cannot go on. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../adapters/sqlite/sqlite.ts';
import { DATABASE, damaged, isDamage, replaced, vanished } from './data-dir-errors.ts';

type Values = Parameters<Database['run']> extends [string, ...infer V] ? V : never;

const LOOK_EVERY_MS = 1_000;

export interface GuardedDatabase extends Database {
  /** Resolves with what happened and what to do, if the service cannot go on. */
  readonly broken: Promise<Error>;
  readonly isBroken: boolean;
}

/**
 * SQLite goes on writing into a file that was removed or replaced, and all of it would be lost. So each transaction looks
 * first, and a service without work looks every second.
 * @param database just opened
 */
export function guardDatabase(database: Database, dataDir: string): GuardedDatabase {
  const path = join(dataDir, DATABASE);
  const opened = fileAt(path);
  const { promise: broken, resolve } = Promise.withResolvers<Error>();
  let end: Error | undefined;
  const fail = (message: string, cause?: unknown): Error => {
    end ??= new Error(message, { cause });
    resolve(end);
    return end;
  };

  const missed = (): string | undefined => {
    const found = fileAt(path);
    if (found === 'none') return vanished(dataDir);
    const isAnother = found !== 'unknown' && opened !== 'unknown' && found !== opened;
    return isAnother ? replaced(dataDir) : undefined;
  };
  const look = () => {
    if (end !== undefined) throw end;
    const message = missed();
    if (message !== undefined) throw fail(message);
  };
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (isDamage(error)) throw fail(damaged(dataDir, (error as Error).message), error);
      throw error;
    }
  };
  const timer = setInterval(() => {
    const message = missed();
    if (message !== undefined) fail(message);
  }, LOOK_EVERY_MS).unref();

  const close = () => {
    clearInterval(timer);
    database.close();
  };
  return {
    broken,
    get isBroken() {
      return end !== undefined;
    },
    run: (sql, ...values) => guarded(() => database.run(sql, ...values)),
    row: <R>(sql: string, ...values: Values) => guarded(() => database.row<R>(sql, ...values)),
    rows: <R>(sql: string, ...values: Values) => guarded(() => database.rows<R>(sql, ...values)),
    transaction: (work) =>
      guarded(() => {
        look();
        return database.transaction(work);
      }),
    unsynced: (work) => guarded(() => database.unsynced(work)),
    close,
    [Symbol.dispose]: close,
  };
}

/** Which file has the name. Unknown when the system says nothing about it, as when a network disk does not answer. */
function fileAt(path: string): string {
  try {
    const found = statSync(path, { throwIfNoEntry: false, bigint: true });
    return found === undefined ? 'none' : `${found.dev}/${found.ino}`;
  } catch {
    return 'unknown';
  }
}
