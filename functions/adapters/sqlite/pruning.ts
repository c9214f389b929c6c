import { awakeNow } from '../../base/awake.ts';
import { ATTEMPTS_MEMORY_MS, DAY_MS, LAPSED_MS, MEMO_EXTRA_DAYS, MEMORY_MS } from '../shared/memory.ts';
import { ROWS_AT_A_TIME, removeAtMost, removeParts, removeTask } from './removal.ts';
import type { Database } from './sqlite.ts';

export interface SqlitePruningOptions {
  database: Database;
  /** Days for which a task is kept after its end, or after it was first found unreadable. */
  taskDays: number;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** The clock of the leases, which is behind the other one by the time that the machine has slept. */
  leaseNow?: () => number;
}

export interface PruningStep {
  tasks: number;
  /** Rows of all kinds. */
  rows: number;
  /** Whether there may be more to remove. */
  more: boolean;
}

export interface SqlitePruning {
  /**
   * Called at the start with the ids of all unfinished tasks that cannot be used. They are kept for `taskDays` from the
   * first such start on: the key that fits their seals may come back. Returns how many of them were stored without one.
   */
  noteUnreadable(ids: readonly string[]): { unsealed: number };
  /** Removes some of what is old, in one short transaction: node:sqlite is synchronous, so requests wait meanwhile. */
  step(): PruningStep;
}

/** The row of a task may have 2 MB. */
const TASKS_AT_A_TIME = 10;

/**
 * Removes ended and unreadable tasks with all that belongs to them, and whatever was not used for that long. The file does not shrink:
 * its free space is used again.
 */
export function createSqlitePruning(options: SqlitePruningOptions): SqlitePruning {
  const { database, taskDays, now = Date.now, leaseNow = awakeNow } = options;
  const oldest = (since: 'finished_at' | 'unreadable_since', at: number) =>
    database.row<{ id: string }>(
      `SELECT id FROM tasks WHERE ${since} < ? ORDER BY ${since} LIMIT 1`,
      at - taskDays * DAY_MS,
    );

  const removeTasks = (at: number, most: number): Omit<PruningStep, 'more'> => {
    let [tasks, rows] = [0, 0];
    for (;;) {
      const left = database.row<{ id: string }>('SELECT task_id AS id FROM pruned LIMIT 1');
      if (left !== undefined) {
        rows += removeParts(database, left.id, most - rows);
        if (rows >= most) return { tasks, rows };
        database.run('DELETE FROM pruned WHERE task_id = ?', left.id);
      }
      if (tasks === TASKS_AT_A_TIME) return { tasks, rows };
      const old = oldest('finished_at', at) ?? oldest('unreadable_since', at);
      if (old === undefined) return { tasks, rows };
      rows += removeTask(database, old.id);
      tasks += 1;
    }
  };

  /** To their callers, a forgotten record is the same as a missing one. */
  const removeForgotten = (at: number, most: number): number =>
    removeAtMost(database, most, [
      {
        sql: 'DELETE FROM memos WHERE id IN (SELECT id FROM memos WHERE used_at < ? LIMIT ?)',
        value: at - (taskDays + MEMO_EXTRA_DAYS) * DAY_MS,
      },
      {
        sql: 'DELETE FROM attempts WHERE key IN (SELECT key FROM attempts WHERE changed_at < ? LIMIT ?)',
        value: at - ATTEMPTS_MEMORY_MS,
      },
      {
        sql: `DELETE FROM leases WHERE key IN
                (SELECT key FROM leases WHERE held_until IS NULL AND changed_at < ? LIMIT ?)`,
        value: leaseNow() - MEMORY_MS,
      },
      {
        sql: 'DELETE FROM leases WHERE key IN (SELECT key FROM leases WHERE held_until < ? LIMIT ?)',
        value: leaseNow() - LAPSED_MS,
      },
      {
        sql: 'DELETE FROM claims WHERE key IN (SELECT key FROM claims WHERE expires_at <= ? LIMIT ?)',
        value: at,
      },
    ]);

  return {
    noteUnreadable(ids) {
      return database.transaction(() => {
        const all = JSON.stringify(ids);
        database.run(
          `UPDATE tasks SET unreadable_since = NULL
           WHERE unreadable_since IS NOT NULL AND id NOT IN (SELECT value FROM json_each(?))`,
          all,
        );
        database.run(
          `UPDATE tasks SET unreadable_since = ?
           WHERE unreadable_since IS NULL AND id IN (SELECT value FROM json_each(?))`,
          now(),
          all,
        );
        const found = database.row<{ unsealed: number }>(
          'SELECT count(*) AS unsealed FROM tasks WHERE seal IS NULL AND id IN (SELECT value FROM json_each(?))',
          all,
        );
        return { unsealed: found?.unsealed ?? 0 };
      });
    },

    step() {
      return database.transaction(() => {
        const at = now();
        const { tasks, rows } = removeTasks(at, ROWS_AT_A_TIME);
        const forgotten = removeForgotten(at, ROWS_AT_A_TIME - rows);
        const more = tasks === TASKS_AT_A_TIME || rows + forgotten >= ROWS_AT_A_TIME;
        return { tasks, rows: rows + forgotten, more };
      });
    },
  };
}
