/** How many messages of a topic the queue has, and since when. */
import type { Topic } from '../../model/messages.ts';
import { QUARANTINED } from './messages.ts';
import type { Database } from './sqlite.ts';

export interface TopicCounts {
  /** Messages that are ready now or once their back-off ends. */
  waiting: number;
  inFlight: number;
  /** Dead letters that could not be handled and are kept for inspection. */
  quarantined: number;
}

export function countMessages(database: Database, topic: Topic): TopicCounts {
  const rows = database.rows<{ state: string; count: number }>(
    'SELECT state, count(*) AS count FROM messages WHERE topic = ? GROUP BY state',
    topic,
  );
  const of = (state: string) => rows.find((row) => row.state === state)?.count ?? 0;
  return { waiting: of('waiting'), inFlight: of('taken'), quarantined: of(QUARANTINED) };
}

/**
 * Milliseconds since the oldest message that waits or is in flight was published; 0 if there is none.
 * @param now milliseconds since the epoch
 */
export function oldestMs(database: Database, topic: Topic, now: number): number {
  // By their ids, which is their order: no index has the times, and rows of other topics need not be read.
  const oldest = database.row<{ published_at: number | null }>(
    `SELECT published_at FROM messages WHERE id =
       (SELECT min(id) FROM messages INDEXED BY messages_next WHERE topic = ? AND state IN ('waiting', 'taken'))`,
    topic,
  );
  return Math.max(0, now - (oldest?.published_at ?? now));
}
