import type { DeadLetterMessage, Message, Topic, WorkMessage } from '../../model/messages.ts';
import type { Database } from './sqlite.ts';

/** A message that is being delivered to a handler. */
export interface Taken {
  id: number;
  message: Message;
  /** How often it was delivered, including this time. */
  deliveries: number;
  /** Whether it may have killed the previous hosts. */
  suspect: boolean;
}

export interface TopicCounts {
  /** Messages that are ready now or once their back-off ends. */
  waiting: number;
  inFlight: number;
  /** Dead letters that could not be handled and are kept for inspection. */
  quarantined: number;
}

interface Row {
  id: number;
  body: string;
  deliveries: number;
  deaths: number;
}

function takenOf({ id, body, deliveries, deaths }: Row): Taken {
  return { id, message: JSON.parse(body) as Message, deliveries, suspect: deaths >= SUSPECT_DEATHS };
}

interface Candidate {
  taskId: string;
  id: number;
  inFlight: number;
}

/** The state in the database, under the name that it has there since its first version. */
const QUARANTINED = 'parked';
/**
 * Any message in flight when a host dies may have killed it. A message that was in flight at this many deaths, and has
 * not ended normally since, is a suspect. Suspects are delivered one at a time, so that further deaths count against
 * the culprit alone and the others do not end as crash loops. The index messages_suspect repeats this number.
 */
const SUSPECT_DEATHS = 2;
/** After this time the next suspect may start, so that a long download or encoding does not hold up the others. */
const ALONE_MS = 5_000;
/**
 * How often to check whether it is a suspect's turn: one of another topic may go first, or the current one is still
 * alone.
 */
const SUSPECTS_TURN_MS = 250;
/** With more tasks than this their turns are forgotten, which costs at most one turn out of order. */
const MAX_TURNS = 10_000;

/** The queue's rows. Each method is one transaction. */
export class SqliteMessages {
  readonly #database: Database;
  readonly #now: () => number;
  /** A running number for the last message taken, by topic and task. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  /** When each suspect that is in flight was taken, by message id. */
  readonly #suspects = new Map<number, number>();

  constructor(database: Database, now: () => number) {
    this.#database = database;
    this.#now = now;
  }

  add(messages: readonly Message[]): void {
    this.#database.transaction(() => {
      for (const message of messages) this.#insert(message);
    });
  }

  /** Takes at most `count` ready messages, alternating between tasks, and counts each as delivered. */
  take(topic: Topic, count: number): Taken[] {
    return this.#database.transaction(() => {
      const taken = this.#takeSuspect(topic);
      while (taken.length < count) {
        const next = this.#next(topic);
        if (!next) break;
        taken.push(this.#deliver(this.#firstOf(topic, next.taskId)));
        this.#remember(topic, next.taskId);
      }
      return taken;
    });
  }

  acknowledge({ id }: Taken): void {
    this.#database.run('DELETE FROM messages WHERE id = ?', id);
    this.#suspects.delete(id);
  }

  /** Resets the deaths: a message whose handler returns has not killed the host. */
  handBack({ id, deliveries }: Taken, afterMs: number): void {
    this.#database.run(
      `UPDATE messages SET state = 'waiting', available_at = ?, deliveries = ?, deaths = 0 WHERE id = ?`,
      Math.ceil(this.#now() + afterMs),
      deliveries,
      id,
    );
    this.#suspects.delete(id);
  }

  /** Turns a message into a dead letter. */
  deadLetter({ id }: Taken, message: WorkMessage, reason: string): void {
    const letter: DeadLetterMessage = { topic: 'dead-letter', taskId: message.taskId, message, reason };
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM messages WHERE id = ?', id);
      this.#insert(letter);
    });
    this.#suspects.delete(id);
  }

  /** Called when a host starts: a message that was in flight when the previous host died is ready again. */
  recover({ id }: Taken): void {
    this.#database.run(
      `UPDATE messages SET state = 'waiting', available_at = ?, deaths = deaths + 1 WHERE id = ?`,
      Math.ceil(this.#now()),
      id,
    );
  }

  quarantine({ id }: Taken): void {
    this.#database.run('UPDATE messages SET state = ? WHERE id = ?', QUARANTINED, id);
    this.#suspects.delete(id);
  }

  /** Everything in flight, in the order it was published. */
  inFlight(): Taken[] {
    return this.#database
      .rows<Row>(`SELECT id, body, deliveries, deaths FROM messages WHERE state = 'taken' ORDER BY id`)
      .map(takenOf);
  }

  /** When to query for the topic's next message, in milliseconds from now; undefined if none is waiting. */
  nextInMs(topic: Topic): number | undefined {
    const first = (suspects: boolean) =>
      this.#database.row<{ at: number | null }>(
        `SELECT min(available_at) AS at FROM messages
         WHERE topic = ? AND state = 'waiting' AND (deaths >= ${SUSPECT_DEATHS}) = ?`,
        topic,
        suspects ? 1 : 0,
      )?.at ?? Number.POSITIVE_INFINITY;
    const now = this.#now();
    const next = Math.min(first(false), Math.max(first(true), now + SUSPECTS_TURN_MS));
    return Number.isFinite(next) ? Math.max(0, next - now) : undefined;
  }

  counts(topic: Topic): TopicCounts {
    const rows = this.#database.rows<{ state: string; count: number }>(
      'SELECT state, count(*) AS count FROM messages WHERE topic = ? GROUP BY state',
      topic,
    );
    const of = (state: string) => rows.find((row) => row.state === state)?.count ?? 0;
    return { waiting: of('waiting'), inFlight: of('taken'), quarantined: of(QUARANTINED) };
  }

  /** Available at time 0, so that setting the clock back does not hold up new work. */
  #insert(message: Message): void {
    this.#database.run(
      `INSERT INTO messages (topic, state, task_id, body, available_at) VALUES (?, 'waiting', ?, ?, 0)`,
      message.topic,
      message.taskId,
      JSON.stringify(message),
    );
  }

  /**
   * The task with the fewest messages in flight. Among equals, the one whose last turn is longest ago; otherwise a long
   * task would always go first when messages are handled one at a time. Then the one with the oldest ready message.
   */
  #next(topic: Topic): Candidate | undefined {
    const candidates = this.#database.rows<Candidate>(
      `SELECT task_id AS taskId, min(id) AS id,
         (SELECT count(*) FROM messages AS taken
          WHERE taken.topic = ?1 AND taken.state = 'taken' AND taken.task_id = messages.task_id) AS inFlight
       FROM messages WHERE topic = ?1 AND state = 'waiting' AND available_at <= ?2 AND deaths < ?3
       GROUP BY task_id`,
      topic,
      this.#now(),
      SUSPECT_DEATHS,
    );
    const turnOf = ({ taskId }: Candidate) => this.#turns.get(`${topic} ${taskId}`) ?? 0;
    return candidates.reduce<Candidate | undefined>((best, candidate) => {
      if (!best) return candidate;
      const order =
        candidate.inFlight - best.inFlight || turnOf(candidate) - turnOf(best) || candidate.id - best.id;
      return order < 0 ? candidate : best;
    }, undefined);
  }

  /** Prefers messages that were never delivered; otherwise the same few would be retried while the others wait. */
  #firstOf(topic: Topic, taskId: string): number {
    const row = this.#database.row<{ id: number }>(
      `SELECT id FROM messages WHERE topic = ? AND state = 'waiting' AND task_id = ? AND deaths < ?
       ORDER BY available_at, id LIMIT 1`,
      topic,
      taskId,
      SUSPECT_DEATHS,
    );
    if (!row) throw new Error(`Expected a waiting message of task ${taskId}, got none`);
    return row.id;
  }

  #deliver(id: number): Taken {
    const row = this.#database.row<Row>(
      `UPDATE messages SET state = 'taken', deliveries = deliveries + 1 WHERE id = ?
       RETURNING id, body, deliveries, deaths`,
      id,
    );
    if (!row) throw new Error(`Expected message ${id} to be waiting, got none`);
    return takenOf(row);
  }

  /**
   * The ready suspect with the most deaths, of the task whose turn is longest ago. Empty if that suspect belongs to
   * another topic, or if the suspect in flight still has its time alone.
   */
  #takeSuspect(topic: Topic): Taken[] {
    const now = this.#now();
    const isAlone = (takenAt: number) => takenAt <= now && now < takenAt + ALONE_MS;
    if ([...this.#suspects.values()].some(isAlone)) return [];
    // SUSPECT_DEATHS is part of the SQL text, because SQLite would not use the partial index with a parameter.
    // The order reverses with each death, so that a suspect that started last, alongside others, then starts first and
    // alone.
    const ready = this.#database.rows<{ id: number; topic: Topic; taskId: string; deaths: number }>(
      `SELECT id, topic, task_id AS taskId, deaths FROM messages
       WHERE deaths >= ${SUSPECT_DEATHS} AND state = 'waiting' AND available_at <= ?
       ORDER BY CASE deaths % 2 WHEN 0 THEN id ELSE -id END`,
      now,
    );
    const turnOf = (taskId: string) => this.#turns.get(`suspect ${taskId}`) ?? 0;
    const [next] = ready.toSorted(
      (one, other) => other.deaths - one.deaths || turnOf(one.taskId) - turnOf(other.taskId),
    );
    if (next?.topic !== topic) return [];
    this.#remember('suspect', next.taskId);
    this.#suspects.set(next.id, now);
    return [this.#deliver(next.id)];
  }

  #remember(topic: Topic | 'suspect', taskId: string): void {
    if (this.#turns.size >= MAX_TURNS) this.#turns.clear();
    this.#turn += 1;
    this.#turns.set(`${topic} ${taskId}`, this.#turn);
  }
}
