import type { Memo } from '../../ports/memo.ts';
import { hashId } from '../shared/hash-id.ts';
import { DAY_MS } from '../shared/memory.ts';
import type { Database } from './sqlite.ts';

export interface SqliteMemoOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

interface Row {
  value: string;
  used_at: number;
}

export function createSqliteMemo({ database, now = Date.now }: SqliteMemoOptions): Memo {
  const read = (id: string): Row | undefined =>
    database.row<Row>('SELECT value, used_at FROM memos WHERE id = ?', id);
  const put = (id: string, value: string) =>
    database.run('INSERT OR REPLACE INTO memos (id, value, used_at) VALUES (?, ?, ?)', id, value, now());
  /** Recorded once a day, because each write waits for the disk. */
  const isToBeTouched = (row: Row | undefined) => row !== undefined && row.used_at < now() - DAY_MS;

  return {
    async recall(keys) {
      const ids = keys.map((key) => hashId(key));
      const rows = ids.map(read);
      const used = ids.filter((_, at) => isToBeTouched(rows[at]));
      if (used.length > 0) {
        database.transaction(() => {
          for (const id of used) database.run('UPDATE memos SET used_at = ? WHERE id = ?', now(), id);
        });
      }
      return rows.map((row) => row?.value);
    },

    async settle(key, value, gone) {
      return database.transaction(() => {
        const id = hashId(key);
        const found = read(id);
        const settled = found === undefined || found.value === gone ? value : found.value;
        if (settled !== found?.value || isToBeTouched(found)) put(id, settled);
        return settled;
      });
    },

    async remember(key, value) {
      put(hashId(key), value);
    },
  };
}
