import { randomUUID } from 'node:crypto';
import { LEASE_MEMORY_MS, type LeaseStore } from '../../ports.ts';
import type { Database } from './sqlite.ts';

/** A process that hangs for so long is taken for dead; one that ended lapses at the next start. */
const TTL_MS = 30_000;
/** A look costs next to nothing here. */
const POLL_MS = 200;

export interface SqliteLeasesOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface SqliteLeases extends LeaseStore {
  /**
   * For a new host on this database, before any work: what the dead host held lapses, and counts as crashed when
   * taken. Answers with the number of leases it held.
   */
  lapseLeases(): number;
}

interface Row {
  held_until: number | null;
  taken_at: number;
  takes: number;
  crashes: number;
  failures: number;
}

export function createSqliteLeases({ database, now = Date.now }: SqliteLeasesOptions): SqliteLeases {
  const find = (key: string, at: number) => {
    const row = database.row<Row>(
      'SELECT held_until, taken_at, takes, crashes, failures FROM leases WHERE key = ?',
      key,
    );
    const held = row !== undefined && row.held_until !== null && row.held_until > at;
    const remembered = held || (row !== undefined && row.taken_at >= at - LEASE_MEMORY_MS);
    return {
      held,
      /** Its holder neither released nor renewed it. */
      lapsed: row !== undefined && row.held_until !== null && !held,
      takes: remembered ? row.takes : 0,
      crashes: remembered ? row.crashes : 0,
      failures: remembered ? row.failures : 0,
    };
  };

  return {
    ttlMs: TTL_MS,
    pollMs: POLL_MS,

    async take(key, ttlMs) {
      return database.transaction(() => {
        const at = now();
        const before = find(key, at);
        if (before.held) return undefined;
        const lease = {
          key,
          token: randomUUID(),
          takes: before.takes + 1,
          crashes: before.crashes + (before.lapsed ? 1 : 0),
          failures: before.failures,
        };
        database.run(
          `INSERT OR REPLACE INTO leases (key, token, held_until, taken_at, takes, crashes, failures)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
          key,
          lease.token,
          at + ttlMs,
          at,
          lease.takes,
          lease.crashes,
          lease.failures,
        );
        return lease;
      });
    },

    async renew({ key, token }, ttlMs) {
      const at = now();
      const renewed = database.run(
        'UPDATE leases SET held_until = ?, taken_at = ? WHERE key = ? AND token = ? AND held_until > ?',
        at + ttlMs,
        at,
        key,
        token,
        at,
      );
      return renewed === 1;
    },

    async release({ key, token }, failed = false) {
      database.run(
        'UPDATE leases SET held_until = NULL, failures = failures + ? WHERE key = ? AND token = ?',
        failed ? 1 : 0,
        key,
        token,
      );
    },

    async read(keys) {
      const at = now();
      return keys.map((key) => {
        const { held, takes, crashes, failures } = find(key, at);
        return { held, takes, crashes, failures };
      });
    },

    lapseLeases() {
      return database.transaction(() => {
        const at = now();
        const lapsed = database.run('UPDATE leases SET held_until = ? WHERE held_until > ?', at, at);
        // Nobody can tell a forgotten lease from one never taken, except by the room it takes.
        database.run(
          'DELETE FROM leases WHERE (held_until IS NULL OR held_until <= ?1) AND taken_at < ?1',
          at - LEASE_MEMORY_MS,
        );
        return lapsed;
      });
    },
  };
}
