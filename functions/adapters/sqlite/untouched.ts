import { awakeNow } from '../../base/awake.ts';
import type { Topic } from '../../model/messages.ts';
import type { Database } from './sqlite.ts';
import { SUSPECT_DEATHS } from './suspects.ts';

/** Notices messages that nobody takes, from one look to the next. */
export class Untouched {
  readonly #database: Database;
  /** By topic, by the time awake. */
  readonly #since = new Map<Topic, number>();

  constructor(database: Database) {
    this.#database = database;
  }

  wereTaken(topic: Topic): void {
    this.#since.delete(topic);
  }

  /**
   * How long messages of the topic have been seen to be ready, in milliseconds awake, while none of them was taken and none is
   * in flight; 0 if they are not, and at the first look. Suspects wait for one another and do not count.
   */
  ms(topic: Topic, now: number): number {
    const found = this.#database.row<{ ready: number; taken: number }>(
      `SELECT
         EXISTS (SELECT 1 FROM messages
                 WHERE topic = ?1 AND state = 'waiting' AND available_at <= ?2 AND deaths < ?3) AS ready,
         EXISTS (SELECT 1 FROM messages WHERE topic = ?1 AND state = 'taken') AS taken`,
      topic,
      now,
      SUSPECT_DEATHS,
    );
    if (found?.ready !== 1 || found.taken === 1) {
      this.#since.delete(topic);
      return 0;
    }
    const awake = awakeNow();
    const since = this.#since.get(topic) ?? awake;
    this.#since.set(topic, since);
    return awake - since;
  }
}
