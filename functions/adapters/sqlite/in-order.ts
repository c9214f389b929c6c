import type { Database } from './sqlite.ts';
import { SUSPECT_DEATHS } from './suspects.ts';

/** Those that are turned away are stored again at once, in milliseconds each. Between two of these, others have a turn. */
const AT_A_TIME = 8;

/**
 * The messages for events. Each is the only one of its task, so they need no turns: the oldest go first, at a cost that no
 * backlog changes. The index messages_webhook repeats the topic.
 */
export class InOrder {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Ids of at most `count` messages that are ready, and of few at a time. Suspects have turns of their own. */
  ready(count: number, now: number): number[] {
    return this.#database
      .rows<{ id: number }>(
        `SELECT id FROM messages INDEXED BY messages_webhook
         WHERE topic = 'webhook' AND state = 'waiting' AND available_at <= ? AND deaths < ${SUSPECT_DEATHS}
         ORDER BY available_at, id LIMIT ?`,
        now,
        Math.min(count, AT_A_TIME),
      )
      .map(({ id }) => id);
  }

  /** When the next one is ready, which may be before now; undefined: none waits. */
  nextAt(): number | undefined {
    return this.#database.row<{ at: number }>(
      `SELECT available_at AS at FROM messages INDEXED BY messages_webhook
       WHERE topic = 'webhook' AND state = 'waiting' AND deaths < ${SUSPECT_DEATHS}
       ORDER BY available_at LIMIT 1`,
    )?.at;
  }
}
