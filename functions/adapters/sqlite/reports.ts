import type { Report } from '../../model/report.ts';
import type { ReportStore } from '../../ports.ts';
import type { Database } from './sqlite.ts';

export interface SqliteReportsOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** Stores reports and counts them on the task's row, in one transaction. */
export function createSqliteReports({ database, now = Date.now }: SqliteReportsOptions): ReportStore {
  return {
    async report(taskId, report) {
      return database.transaction(() => {
        const added = database.run(
          'INSERT OR IGNORE INTO reports (task_id, combination, body) VALUES (?, ?, ?)',
          taskId,
          report.index,
          JSON.stringify(report),
        );
        if (added === 0) return false;
        const counted = database.run(
          `UPDATE tasks SET succeeded = succeeded + (?1 = 'succeeded'), failed = failed + (?1 = 'failed'),
             cancelled = cancelled + (?1 = 'cancelled'), first_report_at = coalesce(first_report_at, ?2)
           WHERE id = ?3`,
          report.status,
          now(),
          taskId,
        );
        if (counted === 0) throw unknownTask(taskId);
        return true;
      });
    },

    async list(taskId, from, to) {
      const rows = database.rows<{ body: string }>(
        'SELECT body FROM reports WHERE task_id = ? AND combination BETWEEN ? AND ? ORDER BY combination',
        taskId,
        from,
        to,
      );
      return rows.map(({ body }) => JSON.parse(body) as Report);
    },

    async claimCompletion(taskId) {
      const row = database.row<{ missing: number; published: number }>(
        `SELECT combinations - succeeded - failed - cancelled AS missing, completion_published AS published
         FROM tasks WHERE id = ?`,
        taskId,
      );
      if (!row) throw unknownTask(taskId);
      if (row.missing > 0) return 'open';
      return row.published === 1 ? 'published' : 'claimed';
    },

    async markCompletionPublished(taskId) {
      database.run('UPDATE tasks SET completion_published = 1 WHERE id = ?', taskId);
    },
  };
}

function unknownTask(taskId: string): Error {
  return new Error(`Expected a report of a stored task, got the unknown id ${taskId}`);
}
