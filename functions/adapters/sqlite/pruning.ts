import { awakeNow } from '../../base/awake.ts';
import { ATTEMPTS_MEMORY_MS, DAY_MS, LAPSED_MS, MEMO_EXTRA_DAYS, MEMORY_MS } from '../shared/memory.ts';
import type { Database } from './sqlite.ts';

export interface SqlitePruningOptions {
  database: Database;
  /** Days for which a task is kept after its end. */
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
  /** Removes some of what is old, in one short transaction: node:sqlite is synchronous, so requests wait meanwhile. */
  step(): PruningStep;
}

const ROWS_AT_A_TIME = 500;
/** The row of a task may have 2 MB. */
const TASKS_AT_A_TIME = 10;

/** What belongs to a task. ?1 is its id, ?2 the most rows to remove. */
const PARTS = [
  `DELETE FROM reports WHERE task_id = ?1 AND combination IN
     (SELECT combination FROM reports WHERE task_id = ?1 LIMIT ?2)`,
  'DELETE FROM pins WHERE task_id = ?1 AND name IN (SELECT name FROM pins WHERE task_id = ?1 LIMIT ?2)',
  `DELETE FROM messages WHERE id IN
     (SELECT id FROM messages WHERE topic IN ('prepare', 'render', 'complete', 'dead-letter')
        AND state IN ('waiting', 'parked') AND task_id = ?1 LIMIT ?2)`,
];

/**
 * Removes ended tasks with all that belongs to them, and whatever was not used for that long. The file does not shrink:
 * its free space is used again.
 */
export function createSqlitePruning(options: SqlitePruningOptions): SqlitePruning {
  const { database, taskDays, now = Date.now, leaseNow = awakeNow } = options;
  /** Runs the statements in turn until `most` rows are removed. */
  const removeAtMost = (most: number, statements: readonly { sql: string; value: string | number }[]) =>
    statements.reduce((sum, { sql, value }) => {
      return sum < most ? sum + database.run(sql, value, most - sum) : sum;
    }, 0);

  /** The row of a task goes first, so that nobody sees the task without its reports. */
  const removeTask = (id: string): number => {
    database.run('INSERT OR IGNORE INTO pruned (task_id) VALUES (?)', id);
    const claims = database.run(
      // Only claims of retries never expire. Their keys end in the id of the task that is retried.
      `DELETE FROM claims WHERE task_id = ?1 OR (expires_at IS NULL AND key LIKE '%/' || ?1)`,
      id,
    );
    return claims + database.run('DELETE FROM tasks WHERE id = ?', id);
  };

  const removeTasks = (at: number, most: number): Omit<PruningStep, 'more'> => {
    let [tasks, rows] = [0, 0];
    for (;;) {
      const left = database.row<{ id: string }>('SELECT task_id AS id FROM pruned LIMIT 1');
      if (left !== undefined) {
        rows += removeAtMost(
          most - rows,
          PARTS.map((sql) => ({ sql, value: left.id })),
        );
        if (rows >= most) return { tasks, rows };
        database.run('DELETE FROM pruned WHERE task_id = ?', left.id);
      }
      if (tasks === TASKS_AT_A_TIME) return { tasks, rows };
      const old = database.row<{ id: string }>(
        'SELECT id FROM tasks WHERE finished_at < ? ORDER BY finished_at LIMIT 1',
        at - taskDays * DAY_MS,
      );
      if (old === undefined) return { tasks, rows };
      rows += removeTask(old.id);
      tasks += 1;
    }
  };

  /** To their callers, a forgotten record is the same as a missing one. */
  const removeForgotten = (at: number, most: number): number =>
    removeAtMost(most, [
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
