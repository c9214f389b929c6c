import type { IdMemory } from '../../ports.ts';
import type { Database } from './sqlite.ts';

export function createSqliteIds({ database }: { database: Database }): IdMemory {
  const standing = (key: string): string | undefined =>
    database.row<{ id: string }>('SELECT id FROM ids WHERE key = ?', key)?.id;

  return {
    async recall(keys) {
      return keys.map(standing);
    },

    async settle(key, id, gone) {
      return database.transaction(() => {
        const found = standing(key);
        if (found !== undefined && found !== gone) return found;
        database.run('INSERT OR REPLACE INTO ids (key, id) VALUES (?, ?)', key, id);
        return id;
      });
    },
  };
}
