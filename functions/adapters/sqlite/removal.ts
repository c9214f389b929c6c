/** Removes a task with all that belongs to it: first the task, then the rest, a little at a time. */
import type { Database } from './sqlite.ts';

/** Rows of one transaction: node:sqlite is synchronous, so requests wait meanwhile. */
export const ROWS_AT_A_TIME = 500;

/** What belongs to a task, of which there may be much. ?1 is its id, ?2 the most rows to remove. */
const PARTS = [
  `DELETE FROM reports WHERE task_id = ?1 AND combination IN
     (SELECT combination FROM reports WHERE task_id = ?1 LIMIT ?2)`,
  'DELETE FROM pins WHERE task_id = ?1 AND name IN (SELECT name FROM pins WHERE task_id = ?1 LIMIT ?2)',
  `DELETE FROM messages WHERE id IN
     (SELECT id FROM messages WHERE topic IN ('prepare', 'render', 'complete', 'webhook', 'dead-letter')
        AND state IN ('waiting', 'parked') AND task_id = ?1 LIMIT ?2)`,
];

/**
 * Removes the task, its claims and what triggers remove with it; the rest is noted in `pruned`. It goes first, so that
 * nobody sees the task without its reports. Returns the number of rows.
 */
export function removeTask(database: Database, id: string): number {
  database.run('INSERT OR IGNORE INTO pruned (task_id) VALUES (?)', id);
  const claims = database.run(
    // Only claims of retries never expire. Their keys end in the id of the task that is retried.
    `DELETE FROM claims WHERE task_id = ?1 OR (expires_at IS NULL AND key LIKE '%/' || ?1)`,
    id,
  );
  return claims + database.run('DELETE FROM tasks WHERE id = ?', id);
}

/** Removes at most that many rows of the rest of a removed task. Returns their number; fewer than `most`: those were all. */
export function removeParts(database: Database, id: string, most: number): number {
  return removeAtMost(
    database,
    most,
    PARTS.map((sql) => ({ sql, value: id })),
  );
}

/** Runs the statements in turn until `most` rows are removed. */
export function removeAtMost(
  database: Database,
  most: number,
  statements: readonly { sql: string; value: string | number }[],
): number {
  return statements.reduce((sum, { sql, value }) => {
    return sum < most ? sum + database.run(sql, value, most - sum) : sum;
  }, 0);
}
