import { reportRecord } from '../../model/names.ts';
import { PACED_SUCCESSES } from '../../model/pace.ts';
import type { Report } from '../../model/report.ts';
import type { ReportStore, Seal } from '../../ports.ts';
import type { Database } from './sqlite.ts';

export interface SqliteReportsOptions {
  database: Database;
  seal: Seal;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

interface Row {
  combination: number;
  body: string;
  seal: string | null;
}

/** Stores reports and counts them on the task's row, in one transaction. */
export function createSqliteReports({ database, seal, now = Date.now }: SqliteReportsOptions): ReportStore {
  const isOurs = (taskId: string, { combination, body, seal: own }: Row) =>
    seal.fits(reportRecord(taskId, combination), body, own);
  const rowsOf = (taskId: string, from: number, to: number) =>
    database.rows<Row>(
      'SELECT combination, body, seal FROM reports WHERE task_id = ? AND combination BETWEEN ? AND ? ORDER BY combination',
      taskId,
      from,
      to,
    );

  return {
    async report(taskId, report) {
      const body = JSON.stringify(report);
      return database.transaction(() => {
        const [earlier] = rowsOf(taskId, report.index, report.index);
        if (earlier !== undefined && isOurs(taskId, earlier)) return false;
        database.run(
          'INSERT OR REPLACE INTO reports (task_id, combination, body, seal) VALUES (?, ?, ?, ?)',
          taskId,
          report.index,
          body,
          seal.of(reportRecord(taskId, report.index), body),
        );
        const task = database.row<{ succeededAt: string }>(
          `UPDATE tasks SET succeeded = succeeded + (?1 = 'succeeded'), failed = failed + (?1 = 'failed'),
             cancelled = cancelled + (?1 = 'cancelled')
           WHERE id = ?2 RETURNING succeeded_at AS succeededAt`,
          report.status,
          taskId,
        );
        if (task === undefined) throw unknownTask(taskId);
        if (report.status === 'succeeded') {
          const times = [...(JSON.parse(task.succeededAt) as number[]), now()].slice(-PACED_SUCCESSES);
          database.run('UPDATE tasks SET succeeded_at = ? WHERE id = ?', JSON.stringify(times), taskId);
        }
        return true;
      });
    },

    async list(taskId, from, to) {
      return rowsOf(taskId, from, to)
        .filter((row) => isOurs(taskId, row))
        .map(({ body }) => JSON.parse(body) as Report);
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
