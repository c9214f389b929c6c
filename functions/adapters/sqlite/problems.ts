import { type Problem, workName } from '../../model/problem.ts';
import type { ProblemStore } from '../../ports/problems.ts';
import type { Database } from './sqlite.ts';

export function createSqliteProblems({ database }: { database: Database }): ProblemStore {
  return {
    async note(taskId, { since, notedAt, ...problem }) {
      database.run(
        `INSERT INTO problems (task_id, work, body, since, noted_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
           body = excluded.body, since = min(since, excluded.since), noted_at = excluded.noted_at`,
        taskId,
        workName(problem.work),
        JSON.stringify(problem),
        since,
        notedAt,
      );
    },

    async clear(taskId, work) {
      database.run('DELETE FROM problems WHERE task_id = ? AND work = ?', taskId, workName(work));
    },

    async latest(taskId, limit) {
      const rows = database.rows<{ body: string } & Pick<Problem, 'since' | 'notedAt'>>(
        `SELECT body, since, noted_at AS notedAt FROM problems WHERE task_id = ?
         ORDER BY noted_at DESC, work LIMIT ?`,
        taskId,
        limit,
      );
      return rows.map(({ body, ...times }) => ({
        ...(JSON.parse(body) as Omit<Problem, 'since' | 'notedAt'>),
        ...times,
      }));
    },
  };
}
