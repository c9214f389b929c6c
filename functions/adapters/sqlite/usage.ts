import { monthOf, type SpeechUsage } from '../../model/usage.ts';
import type { UsageStore } from '../../ports/usage.ts';
import type { Database } from './sqlite.ts';

export interface SqliteUsageOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** One row for each month, which are few enough to be kept. */
export function createSqliteUsage({ database, now = Date.now }: SqliteUsageOptions): UsageStore {
  return {
    async addSpeech({ bought = 0, saved = 0 }) {
      database.run(
        `INSERT INTO speech_usage (since, bought, saved) VALUES (?, ?, ?)
         ON CONFLICT DO UPDATE SET bought = bought + excluded.bought, saved = saved + excluded.saved`,
        monthOf(now()),
        bought,
        saved,
      );
    },

    async speech() {
      const since = monthOf(now());
      const found = database.row<Omit<SpeechUsage, 'since'>>(
        'SELECT bought, saved FROM speech_usage WHERE since = ?',
        since,
      );
      return { since, bought: found?.bought ?? 0, saved: found?.saved ?? 0 };
    },
  };
}
