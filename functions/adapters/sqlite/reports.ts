import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { reportRecord } from '../../model/names.ts';
import { PACED_SUCCESSES } from '../../model/pace.ts';
import type { Report } from '../../model/report.ts';
import { sumOfTallies, type TargetTally, talliedBy } from '../../model/target-tally.ts';
import type { ReportStore } from '../../ports/reports.ts';
import type { Seal } from '../../ports/seal.ts';
import type { Database } from './sqlite.ts';

export interface SqliteReportsOptions {
  database: Database;
  seal: Seal;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** Reports of one transaction, which takes 20 to 30 ms. */
const AT_A_TIME = 500;

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

  /** Within a transaction. */
  const reportOne = (taskId: string, report: Report): boolean => {
    const [earlier] = rowsOf(taskId, report.index, report.index);
    if (earlier !== undefined && isOurs(taskId, earlier)) return false;
    const body = JSON.stringify(report);
    database.run(
      'INSERT OR REPLACE INTO reports (task_id, combination, body, seal) VALUES (?, ?, ?, ?)',
      taskId,
      report.index,
      body,
      seal.of(reportRecord(taskId, report.index), body),
    );
    const task = database.row<{ succeededAt: string; targets: string }>(
      `UPDATE tasks SET succeeded = succeeded + (?1 = 'succeeded'), failed = failed + (?1 = 'failed'),
         cancelled = cancelled + (?1 = 'cancelled')
       WHERE id = ?2 RETURNING succeeded_at AS succeededAt, targets`,
      report.status,
      taskId,
    );
    if (task === undefined) throw unknownTask(taskId);
    if (report.status === 'succeeded') {
      const times = [...(JSON.parse(task.succeededAt) as number[]), now()].slice(-PACED_SUCCESSES);
      const tallies = talliedBy(report.targets).map((key) => ({ [key]: 1 }));
      const targets = sumOfTallies([JSON.parse(task.targets) as TargetTally, ...tallies]);
      database.run(
        'UPDATE tasks SET succeeded_at = ?, targets = ? WHERE id = ?',
        JSON.stringify(times),
        JSON.stringify(targets),
        taskId,
      );
    }
    return true;
  };
  /** They would only find the report, and a thousand deliveries take seconds. */
  const dropRenders = (taskId: string, indexes: readonly number[]): void => {
    database.run(
      `DELETE FROM messages WHERE topic = 'render' AND state = 'waiting' AND task_id = ?
       AND json_extract(body, '$.index') IN (SELECT value FROM json_each(?))`,
      taskId,
      JSON.stringify(indexes),
    );
  };
  const isIdle = (leaseKey: string): boolean =>
    database.row('SELECT 1 FROM leases WHERE key = ? AND held_until IS NOT NULL', leaseKey) === undefined;

  return {
    async report(taskId, report) {
      return database.transaction(() => reportOne(taskId, report));
    },

    async reportIdle(taskId, reports, leaseKeys) {
      const counted: number[] = [];
      for (let from = 0; from < reports.length; from += AT_A_TIME) {
        if (from > 0) await turnOfOthers();
        const some = reports.slice(from, from + AT_A_TIME);
        const added = database.transaction(() => {
          const stored = some.filter(
            (report, at) => isIdle(leaseKeys[from + at] as string) && reportOne(taskId, report),
          );
          const indexes = stored.map(({ index }) => index);
          dropRenders(taskId, indexes);
          return indexes;
        });
        counted.push(...added);
      }
      return counted;
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
