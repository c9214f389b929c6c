import { randomUUID } from 'node:crypto';
import { awakeNow } from '../../base/awake.ts';
import type { LeaseState } from '../../model/lease-state.ts';
import type { LeaseStore } from '../../ports/leases.ts';
import { MEMORY_MS } from '../shared/memory.ts';
import type { Database } from './sqlite.ts';

/** A process that hangs for this long counts as dead. The leases of a host that has ended lapse at the next start. */
const TTL_MS = 30_000;
/** Short, because a read costs almost nothing here. */
const POLL_MS = 200;

export interface SqliteLeasesOptions {
  database: Database;
  /** Milliseconds since the epoch. By default, a holder that slept with its machine counts as alive. */
  now?: () => number;
}

export interface SqliteLeases extends LeaseStore {
  /**
   * Called by a new host on this database, before any work. Lets the dead host's leases lapse; returns their number.
   */
  lapseLeases(): number;
}

interface Row {
  token: string;
  held_until: number | null;
  changed_at: number;
  holder: string;
}

export function createSqliteLeases({ database, now = awakeNow }: SqliteLeasesOptions): SqliteLeases {
  /** How the last holder left it; undefined if it was never taken. */
  const find = (key: string, at: number) => {
    const row = database.row<Row>(
      'SELECT token, held_until, changed_at, holder FROM leases WHERE key = ?',
      key,
    );
    if (row === undefined) return undefined;
    const { token, held_until: until, changed_at: changedAt, holder } = row;
    const left = until === null ? 'released' : until > at ? 'held' : 'lapsed';
    return { left, token, holder, remembered: changedAt >= at - MEMORY_MS } as const;
  };

  const stateOf = (key: string, at: number): LeaseState => {
    const found = find(key, at);
    return found === undefined || (found.left === 'released' && !found.remembered) ? 'none' : found.left;
  };

  return {
    ttlMs: TTL_MS,
    pollMs: POLL_MS,

    async take(key, ttlMs, holder = '') {
      return database.transaction(() => {
        const at = now();
        const found = find(key, at);
        if (found?.left === 'held') return undefined;
        const forgotten = found === undefined || (found.left === 'released' && !found.remembered);
        const token = randomUUID();
        database.run(
          'INSERT OR REPLACE INTO leases (key, token, held_until, changed_at, holder) VALUES (?, ?, ?, ?, ?)',
          key,
          token,
          at + ttlMs,
          at,
          holder,
        );
        if (forgotten) return { key, token, previous: 'none' };
        return {
          key,
          token,
          previous: found.left,
          ...(found.left === 'lapsed' ? { lapsed: found.token } : {}),
        };
      });
    },

    async holderOf(key) {
      const found = find(key, now());
      return found?.left === 'held' ? found.holder : undefined;
    },

    async renew({ key, token }, ttlMs) {
      const at = now();
      const renewed = database.run(
        'UPDATE leases SET held_until = ?, changed_at = ? WHERE key = ? AND token = ? AND held_until > ?',
        at + ttlMs,
        at,
        key,
        token,
        at,
      );
      return renewed === 1;
    },

    async release({ key, token }) {
      // After a power cut it may be held again, and then lapses at the next start. What was made under it is there.
      const released = database.unsynced(() =>
        database.run(
          'UPDATE leases SET held_until = NULL, changed_at = ? WHERE key = ? AND token = ?',
          now(),
          key,
          token,
        ),
      );
      return released === 1;
    },

    async read(keys) {
      const at = now();
      return keys.map((key) => stateOf(key, at));
    },

    lapseLeases() {
      return database.transaction(() => {
        const at = now();
        // By the clock of the dead host, which may be behind by the time that its machine slept, or ahead of this one.
        const last =
          database.row<{ at: number | null }>('SELECT max(changed_at) AS at FROM leases')?.at ?? at;
        const lapsed = database.run(
          'UPDATE leases SET held_until = ?1, changed_at = ?1 WHERE held_until > ?2',
          at,
          Math.min(last, at),
        );
        database.run('UPDATE leases SET changed_at = ?1 WHERE changed_at > ?1', at);
        // To the caller, a forgotten lease is the same as one that was never taken.
        database.run(
          'DELETE FROM leases WHERE (held_until IS NULL OR held_until <= ?1) AND changed_at < ?1',
          at - MEMORY_MS,
        );
        return lapsed;
      });
    },
  };
}
