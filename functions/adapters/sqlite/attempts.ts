import { type Attempts, afterCrash, afterOrderlyEnd, type Lapses, NO_LAPSES } from '../../model/attempts.ts';
import type { AttemptStore } from '../../ports/attempts.ts';
import { ATTEMPTS_MEMORY_MS, MEMORY_MS } from '../shared/memory.ts';
import type { Database } from './sqlite.ts';

export interface SqliteAttemptsOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface SqliteAttempts extends AttemptStore {
  /** Called by a new host on this database, before any work. Ends all rests, but keeps their numbers. */
  endRests(): void;
}

interface Row {
  crashes: number;
  failures: number;
  round: number;
  /** Null before the first rest. */
  rests_until: number | null;
  /** As JSON; null if there are none. */
  lapses: string | null;
  changed_at: number;
}

type Found = Omit<Row, 'changed_at' | 'lapses'> & { resting: boolean; lapses: Lapses };

const NOTHING: Found = {
  crashes: 0,
  failures: 0,
  round: 0,
  rests_until: null,
  resting: false,
  lapses: NO_LAPSES,
};

export function createSqliteAttempts({ database, now = Date.now }: SqliteAttemptsOptions): SqliteAttempts {
  const find = (key: string, at: number): Found => {
    const row = database.row<Row>(
      'SELECT crashes, failures, round, rests_until, lapses, changed_at FROM attempts WHERE key = ?',
      key,
    );
    if (row === undefined) return NOTHING;
    const resting = row.rests_until !== null && row.rests_until > at;
    const known = row.changed_at >= at - ATTEMPTS_MEMORY_MS;
    const { crashes, failures } = known ? row : NOTHING;
    const lapses = known && row.lapses !== null ? (JSON.parse(row.lapses) as Lapses) : NO_LAPSES;
    const round = (row.rests_until ?? 0) >= at - MEMORY_MS ? row.round : 0;
    return { crashes, failures, round, rests_until: row.rests_until, resting, lapses };
  };

  const put = (key: string, { crashes, failures, round, rests_until, lapses }: Found, at: number): void => {
    database.run(
      `INSERT OR REPLACE INTO attempts (key, crashes, failures, round, rests_until, lapses, changed_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      key,
      crashes,
      failures,
      round,
      rests_until,
      lapses === NO_LAPSES ? null : JSON.stringify(lapses),
      at,
    );
  };

  const countsOf = ({ crashes, failures }: Found): Attempts => ({ crashes, failures });

  return {
    async read(keys) {
      const at = now();
      return keys.map((key) => countsOf(find(key, at)));
    },

    async record(key, what, lapsed) {
      return database.transaction(() => {
        const at = now();
        const found = find(key, at);
        const counted =
          what === 'crash' ? afterCrash(found, lapsed) : { ...found, failures: found.failures + 1 };
        put(key, counted, at);
        return countsOf(counted);
      });
    },

    async forgive(key, lapsed) {
      database.transaction(() => {
        const at = now();
        put(key, afterOrderlyEnd(find(key, at), lapsed), at);
      });
    },

    async rest(key, ms) {
      return database.transaction(() => {
        const at = now();
        const found = find(key, at);
        if (found.resting) return undefined;
        const round = found.round + 1;
        put(key, { ...found, round, rests_until: at + ms }, at);
        return round;
      });
    },

    async resting(keys) {
      const at = now();
      return keys.map((key) => find(key, at).resting);
    },

    endRests() {
      database.transaction(() => {
        const at = now();
        database.run('UPDATE attempts SET rests_until = ? WHERE rests_until > ?', at, at);
        // To the caller, a forgotten record is the same as a missing one.
        database.run('DELETE FROM attempts WHERE changed_at < ?', at - ATTEMPTS_MEMORY_MS);
      });
    },
  };
}
