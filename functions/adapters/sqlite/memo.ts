import type { Memo } from '../../ports.ts';
import { hashId } from '../shared/hash-id.ts';
import type { Database } from './sqlite.ts';

export function createSqliteMemo({ database }: { database: Database }): Memo {
  const read = (id: string): string | undefined =>
    database.row<{ value: string }>('SELECT value FROM memos WHERE id = ?', id)?.value;
  const put = (id: string, value: string) =>
    database.run('INSERT OR REPLACE INTO memos (id, value) VALUES (?, ?)', id, value);

  return {
    async recall(keys) {
      return keys.map((key) => read(hashId(key)));
    },

    async settle(key, value, gone) {
      return database.transaction(() => {
        const id = hashId(key);
        const found = read(id);
        if (found !== undefined && found !== gone) return found;
        put(id, value);
        return value;
      });
    },

    async remember(key, value) {
      put(hashId(key), value);
    },
  };
}
