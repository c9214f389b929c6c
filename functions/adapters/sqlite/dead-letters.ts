/** Dead letters of the host on one machine: those that are kept in the queue, and the failures that others were recorded as. */
import type { DeadLetterMessage } from '../../model/messages.ts';
import type { Task } from '../../model/task.ts';
import { QUARANTINED } from './messages.ts';
import type { DatabaseReader } from './read-only.ts';
import type { Database } from './sqlite.ts';

type Reader = Pick<DatabaseReader, 'row' | 'rows'>;

export interface KeptLetter {
  id: number;
  /** Whether its failure could not be recorded, so that it is set aside; otherwise it is about to be. */
  isQuarantined: boolean;
  taskId: string;
  /** Undefined if it cannot be read. */
  letter: DeadLetterMessage | undefined;
}

/** A combination that failed because its message, or that of one of its sources, could not be delivered. */
export interface Undeliverable {
  taskId: string;
  index: number;
  message: string;
}

export interface NamedTask {
  /** Undefined if it was deleted or pruned. */
  task: Task | undefined;
  hasEnded: boolean;
}

export function keptLetters({ rows }: Reader): KeptLetter[] {
  return rows<{ id: number; state: string; taskId: string; body: string }>(
    `SELECT id, state, task_id AS taskId, body FROM messages WHERE topic = 'dead-letter' ORDER BY id`,
  ).map(({ id, state, taskId, body }) => ({
    id,
    isQuarantined: state === QUARANTINED,
    taskId,
    letter: letterIn(body),
  }));
}

/** In the order of tasks and combinations. */
export function undeliverables({ rows }: Reader): Undeliverable[] {
  return rows<Undeliverable>(
    `SELECT reports.task_id AS taskId, combination AS "index", json_extract(reports.body, '$.error.message') AS message
     FROM reports JOIN tasks ON tasks.id = task_id
     WHERE json_extract(reports.body, '$.error.code') = 'undeliverable' ORDER BY tasks.seq, combination`,
  );
}

/** To show it: the seal is not checked. */
export function namedTask({ row }: Reader, taskId: string): NamedTask {
  const found = row<{ body: string; finishedAt: number | null }>(
    'SELECT body, finished_at AS finishedAt FROM tasks WHERE id = ?',
    taskId,
  );
  return { task: found && (JSON.parse(found.body) as Task), hasEnded: found?.finishedAt != null };
}

/**
 * Puts the work of letters that are set aside back into the queue, as if it had never been delivered. Call it while no service
 * uses the database. Returns the number of letters.
 * @param taskId of one task alone
 */
export function replayLetters(database: Database, taskId?: string, now = Date.now): number {
  return database.transaction(() => {
    const letters = keptLetters(database).filter(
      (kept) => kept.isQuarantined && (taskId === undefined || kept.taskId === taskId),
    );
    let replayed = 0;
    for (const { id, letter } of letters) {
      if (letter === undefined) continue;
      replayed += database.run(
        `UPDATE messages SET topic = ?, body = ?, published_at = ?, state = 'waiting', available_at = 0, deliveries = 0, deaths = 0
         WHERE id = ?`,
        letter.message.topic,
        JSON.stringify(letter.message),
        Math.floor(now()),
        id,
      );
    }
    return replayed;
  });
}

function letterIn(body: string): DeadLetterMessage | undefined {
  const letter = JSON.parse(body) as Partial<DeadLetterMessage>;
  return letter.message === undefined ? undefined : (letter as DeadLetterMessage);
}
