import { ENDED_STATUSES } from '../../model/task.ts';
import {
  storedOutline,
  type TaskPage,
  type TaskSummary,
  type WantedTasks,
} from '../../model/task-summary.ts';
import type { Database } from './sqlite.ts';

interface Row
  extends Pick<TaskSummary, 'id' | 'name' | 'combinations' | 'succeeded' | 'failed' | 'cancelled'> {
  seq: number;
  createdAt: string;
  cancelRequested: number;
  ended: string | null;
  finishedAt: number | null;
  sources: number;
  /** As JSON. */
  renders: string;
}

/**
 * From the small rows that tasks have in `summaries`: a row of `tasks` may have 2 MB. Each pair of filters has an index, so a page costs the same wherever it is.
 */
export function listTasks(database: Database, { limit, after, name, ended }: WantedTasks): TaskPage {
  const filters = [
    ...(after === undefined ? [] : [{ sql: 'seq < ?', value: after.at }]),
    ...(name === undefined ? [] : [{ sql: 'name = ?', value: name }]),
    ...(ended === undefined ? [] : [{ sql: 'ended IS ?', value: ended === 'open' ? null : ended }]),
  ];
  const where = filters.length === 0 ? '' : `WHERE ${filters.map(({ sql }) => sql).join(' AND ')}`;
  const rows = database.rows<Row>(
    `SELECT seq, id, name, created_at AS createdAt, combinations, succeeded, failed, cancelled,
       cancel_requested AS cancelRequested, ended, finished_at AS finishedAt, sources, renders
     FROM summaries ${where} ORDER BY seq DESC LIMIT ?`,
    ...filters.map(({ value }) => value),
    limit,
  );
  const tasks = rows.map(summaryOf);
  return { tasks, next: tasks.length < limit ? undefined : tasks.at(-1)?.position };
}

export function countOpen(database: Database): number {
  const found = database.row<{ count: number }>(
    'SELECT count(*) AS count FROM summaries WHERE ended IS NULL',
  );
  return found?.count ?? 0;
}

function summaryOf({ seq, cancelRequested, ended, sources, renders, ...row }: Row): TaskSummary {
  return {
    ...row,
    cancelRequested: cancelRequested === 1,
    ended: ENDED_STATUSES.find((status) => status === ended) ?? null,
    outline: storedOutline(sources, JSON.parse(renders)),
    position: { at: seq, id: row.id },
  };
}
