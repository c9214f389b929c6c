import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { claimRecord, namesRecord, shortId, taskRecord } from '../../model/names.ts';
import type { TargetTally } from '../../model/target-tally.ts';
import {
  type Claim,
  type ClaimHolder,
  type Counts,
  endedStatus,
  type OutputFolder,
  type Progress,
  type Task,
} from '../../model/task.ts';
import { outlineOf } from '../../model/task-summary.ts';
import type { Seal } from '../../ports/seal.ts';
import type { TaskStore } from '../../ports/tasks.ts';
import { hashId } from '../shared/hash-id.ts';
import { ROWS_AT_A_TIME, removeParts, removeTask } from './removal.ts';
import type { Database } from './sqlite.ts';
import { countOpen, listTasks } from './task-list.ts';

export interface SqliteTasksOptions {
  database: Database;
  seal: Seal;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

/** The fields of Progress that SQLite stores in another form. */
interface ProgressRow {
  published: number;
  cancelRequested: number;
  succeededAt: string;
  targets: string;
}

/** As JSON. Tasks are worked on in turn, so more than the latest one is kept. The largest has about 2 MB. */
const KEPT_BYTES = 8 * 2 ** 20;

export function createSqliteTasks({ database, seal, now = Date.now }: SqliteTasksOptions): TaskStore {
  const holderOf = (key: string): ClaimHolder | undefined => {
    const row = database.row<ClaimHolder & { expiresAt: number | null; seal: string | null }>(
      `SELECT task_id AS taskId, fingerprint, expires_at AS expiresAt, seal FROM claims
       WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)
         AND EXISTS (SELECT 1 FROM tasks WHERE id = task_id)`,
      key,
      now(),
    );
    if (row === undefined) return undefined;
    const { expiresAt, seal: own, ...holder } = row;
    return seal.fits(claimRecord(key), contentOf(holder, expiresAt), own) ? holder : undefined;
  };
  const storeClaim = ({ key, fingerprint, ttlMs }: Claim, taskId: string): void => {
    const at = now();
    const expiresAt = ttlMs === null ? null : at + ttlMs;
    database.run('DELETE FROM claims WHERE expires_at <= ?', at);
    database.run(
      // Replaces only a claim whose seal does not fit, or whose task is gone.
      'INSERT OR REPLACE INTO claims (key, task_id, fingerprint, expires_at, seal) VALUES (?, ?, ?, ?, ?)',
      key,
      taskId,
      fingerprint,
      expiresAt,
      seal.of(claimRecord(key), contentOf({ taskId, fingerprint }, expiresAt)),
    );
  };

  const areTaken = (folder: OutputFolder): boolean =>
    database.row('SELECT 1 FROM taken_names WHERE folder = ?', folderHash(folder)) !== undefined;

  /** Right after its row in `tasks`. Triggers and `finish` do the rest. */
  const storeSummary = ({ id, name, createdAt, plan }: Task): void => {
    const { sources, renders } = outlineOf(plan);
    database.run(
      `INSERT INTO summaries (seq, id, name, created_at, sources, renders, combinations)
       VALUES (last_insert_rowid(), ?, ?, ?, ?, ?, ?)`,
      id,
      name,
      createdAt,
      sources,
      JSON.stringify(renders),
      plan.combinations.length,
    );
  };

  /**
   * A stored task never changes, and each of its messages needs all of it. Reading it again for each of a thousand
   * messages made the heap grow by 100 MB (measured).
   */
  const kept = new LRUCache<string, Task>({ maxSize: KEPT_BYTES });

  return {
    async create(task, claim, takesNames = false) {
      const body = JSON.stringify(task);
      return database.transaction(() => {
        if (claim !== undefined && holderOf(claim.key) !== undefined) return false;
        if (takesNames && areTaken(task.folder)) return false;
        const added = database.run(
          'INSERT OR IGNORE INTO tasks (id, folder_id, id_start, body, seal, combinations) VALUES (?, ?, ?, ?, ?, ?)',
          task.id,
          task.folder.id,
          shortId(task.id),
          body,
          seal.of(taskRecord(task.id), body),
          task.plan.combinations.length,
        );
        if (added === 0) return false;
        storeSummary(task);
        if (takesNames) database.run('INSERT INTO taken_names (folder) VALUES (?)', folderHash(task.folder));
        if (claim !== undefined) storeClaim(claim, task.id);
        return true;
      });
    },

    async namesTaken(folder) {
      return areTaken(folder);
    },

    async claimed(key) {
      return holderOf(key);
    },

    async get(taskId) {
      const known = kept.get(taskId);
      if (known !== undefined) return known;
      const row = database.row<{ body: string; seal: string | null }>(
        'SELECT body, seal FROM tasks WHERE id = ?',
        taskId,
      );
      if (row === undefined || !seal.fits(taskRecord(taskId), row.body, row.seal)) return undefined;
      const task = JSON.parse(row.body) as Task;
      kept.set(taskId, task, { size: row.body.length });
      return task;
    },

    async markPublished(taskId) {
      database.run('UPDATE tasks SET published = 1 WHERE id = ?', taskId);
    },

    async cancel(taskId) {
      database.run('UPDATE tasks SET cancelled_at = coalesce(cancelled_at, ?) WHERE id = ?', now(), taskId);
    },

    async isCancelled(taskId) {
      return (
        database.row('SELECT 1 FROM tasks WHERE id = ? AND cancelled_at IS NOT NULL', taskId) !== undefined
      );
    },

    async progress(taskId) {
      const row = database.row<Counts & Pick<Progress, 'finishedAt'> & ProgressRow>(
        `SELECT published, cancelled_at IS NOT NULL AS cancelRequested, succeeded, failed, cancelled,
           succeeded_at AS succeededAt, targets, finished_at AS finishedAt
         FROM tasks WHERE id = ?`,
        taskId,
      );
      return (
        row && {
          ...row,
          published: row.published === 1,
          cancelRequested: row.cancelRequested === 1,
          succeededAt: JSON.parse(row.succeededAt) as number[],
          targets: JSON.parse(row.targets) as TargetTally,
        }
      );
    },

    async unfinished(limit, afterId) {
      const rows = database.rows<{ id: string }>(
        `SELECT id FROM tasks WHERE finished_at IS NULL AND seq > coalesce((SELECT seq FROM tasks WHERE id = ?), 0)
         ORDER BY seq LIMIT ?`,
        afterId ?? null,
        limit,
      );
      return rows.map(({ id }) => id);
    },

    async list(wanted) {
      return listTasks(database, wanted);
    },

    async countOpen() {
      return countOpen(database);
    },

    async finish(taskId, at = now()) {
      return database.transaction(() => {
        const row = database.row<Counts & { seq: number; finishedAt: number }>(
          `UPDATE tasks SET finished_at = coalesce(finished_at, ?) WHERE id = ?
           RETURNING seq, succeeded, failed, cancelled, finished_at AS finishedAt`,
          at,
          taskId,
        );
        if (!row) throw new Error(`Expected a stored task to finish, got the unknown id ${taskId}`);
        database.run(
          'UPDATE summaries SET ended = ?, finished_at = ? WHERE seq = ?',
          endedStatus(row),
          row.finishedAt,
          row.seq,
        );
        return row.finishedAt;
      });
    },

    async remove(taskId) {
      kept.delete(taskId);
      database.transaction(() => removeTask(database, taskId));
      // It stays in `pruned`: the next pruning removes what a message that was under way has added meanwhile.
      while (database.transaction(() => removeParts(database, taskId, ROWS_AT_A_TIME)) === ROWS_AT_A_TIME) {
        await turnOfOthers();
      }
    },
  };
}

function folderHash(folder: OutputFolder): string {
  return hashId(namesRecord(folder));
}

/** What the seal of a claim is made of. */
function contentOf({ taskId, fingerprint }: ClaimHolder, expiresAt: number | null): string {
  return JSON.stringify([taskId, fingerprint, expiresAt]);
}
