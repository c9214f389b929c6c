import { Turns } from '../../base/turns.ts';
import type { Topic } from '../../model/messages.ts';
import type { Database } from './sqlite.ts';

/**
 * Any message in flight when a host dies may have killed it. A message that was in flight at this many deaths, and has
 * not ended normally since, is a suspect. Suspects are delivered one at a time, so that further deaths count against
 * the culprit alone and the others do not end as crash loops. The index messages_suspect repeats this number.
 */
export const SUSPECT_DEATHS = 2;
/**
 * How often to check whether it is a suspect's turn: one of another topic may go first, or the current one is still
 * alone.
 */
export const SUSPECTS_TURN_MS = 250;
/** After this time the next suspect may start, so that a long download or encoding does not hold up the others. */
const ALONE_MS = 5_000;

/** Which suspect is delivered next. */
export class Suspects {
  readonly #database: Database;
  readonly #turns = new Turns();
  /** When each suspect that is in flight was taken, by message id. */
  readonly #inFlight = new Map<number, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The id of the ready suspect with the most deaths, of the task whose turn is longest ago. Undefined if that suspect
   * belongs to another topic, or if the suspect in flight still has its time alone.
   */
  take(topic: Topic, now: number): number | undefined {
    const isAlone = (takenAt: number) => takenAt <= now && now < takenAt + ALONE_MS;
    if ([...this.#inFlight.values()].some(isAlone)) return undefined;
    // SUSPECT_DEATHS is part of the SQL text, because SQLite would not use the partial index with a parameter.
    // The order reverses with each death, so that a suspect that started last, alongside others, then starts first and
    // alone.
    const ready = this.#database.rows<{ id: number; topic: Topic; taskId: string; deaths: number }>(
      `SELECT id, topic, task_id AS taskId, deaths FROM messages
       WHERE deaths >= ${SUSPECT_DEATHS} AND state = 'waiting' AND available_at <= ?
       ORDER BY CASE deaths % 2 WHEN 0 THEN id ELSE -id END`,
      now,
    );
    const [next] = ready.toSorted(
      (one, other) => other.deaths - one.deaths || this.#turns.of(one.taskId) - this.#turns.of(other.taskId),
    );
    if (next?.topic !== topic) return undefined;
    this.#turns.take(next.taskId);
    this.#inFlight.set(next.id, now);
    return next.id;
  }

  ended(id: number): void {
    this.#inFlight.delete(id);
  }
}
