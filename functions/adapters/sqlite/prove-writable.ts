import type { Database } from './sqlite.ts';

/** Writes what is there already: the version of the schema, in a transaction of its own. Throws as any write does. */
export function proveWritable(database: Database): void {
  database.transaction(() => {
    const found = database.row<{ user_version: number }>('PRAGMA user_version');
    database.run(`PRAGMA user_version = ${Number(found?.user_version)}`);
  });
}
