import type { Validator } from '../../model/source.ts';
import type { UrlMemory } from '../../ports.ts';
import type { Database } from './sqlite.ts';

export function createSqliteUrls({ database }: { database: Database }): UrlMemory {
  return {
    async recall(url) {
      const row = database.row<{ content: string; validator: string }>(
        'SELECT content, validator FROM urls WHERE url = ?',
        url,
      );
      return row && { content: row.content, validator: JSON.parse(row.validator) as Validator };
    },

    async remember(url, content, validator) {
      database.run(
        'INSERT OR REPLACE INTO urls (url, content, validator) VALUES (?, ?, ?)',
        url,
        content,
        JSON.stringify(validator),
      );
    },
  };
}
