import { leavesRoom } from '../../base/fair-share.ts';
import { Turns } from '../../base/turns.ts';
import type { DeadLetterMessage, Message, Topic, WorkMessage } from '../../model/messages.ts';
import { InOrder } from './in-order.ts';
import type { Database } from './sqlite.ts';
import { SUSPECT_DEATHS, SUSPECTS_TURN_MS, Suspects } from './suspects.ts';
import { Untouched } from './untouched.ts';
import { type Candidate, WaitingTasks } from './waiting-tasks.ts';

/** A message that is being delivered to a handler. */
export interface Taken {
  id: number;
  message: Message;
  /** How often it was delivered, including this time. */
  deliveries: number;
  /** Whether it may have killed the previous hosts. */
  suspect: boolean;
  /** The trace to which it belongs. */
  traceparent: string | undefined;
  /** Milliseconds since it was published; undefined if it was taken before, or an earlier version published it. */
  age: number | undefined;
}

export interface Take {
  taken: Taken[];
  /**
   * If there are places left: milliseconds until the next message may be ready; undefined if none will be before one is
   * published or handed back.
   */
  nextInMs: number | undefined;
}

interface Row {
  id: number;
  body: string;
  deliveries: number;
  deaths: number;
  traceparent: string | null;
  published_at: number | null;
  available_at: number;
}

const COLUMNS = 'id, body, deliveries, deaths, traceparent, published_at, available_at';

/** The state in the database, under the name that it has there since its first version. */
export const QUARANTINED = 'parked';

/**
 * The queue's rows. Each method is one transaction. After a power cut, what was last taken waits again, and what was last
 * acknowledged comes once more.
 */
export class SqliteMessages {
  readonly #database: Database;
  readonly #now: () => number;
  readonly #traceparent: () => string | undefined;
  readonly #suspects: Suspects;
  /** By topic and task. */
  readonly #turns = new Turns();
  readonly #untouched: Untouched;
  readonly #inOrder: InOrder;
  readonly #waiting: WaitingTasks;

  constructor(
    database: Database,
    now: () => number,
    traceparent: () => string | undefined = () => undefined,
  ) {
    this.#database = database;
    this.#now = now;
    this.#traceparent = traceparent;
    this.#suspects = new Suspects(database);
    this.#untouched = new Untouched(database);
    this.#inOrder = new InOrder(database);
    this.#waiting = new WaitingTasks(database);
  }

  add(messages: readonly Message[]): void {
    this.#database.transaction(() => {
      for (const message of messages) this.#insert(message, this.#traceparent());
    });
  }

  /** Whether the same message waits or is in flight. */
  has({ topic, taskId, ...rest }: Message): boolean {
    const found = this.#database.row(
      `SELECT 1 FROM messages WHERE topic = ? AND state IN ('waiting', 'taken') AND task_id = ? AND body = ? LIMIT 1`,
      topic,
      taskId,
      JSON.stringify({ topic, taskId, ...rest }),
    );
    return found !== undefined;
  }

  /**
   * Takes at most `count` ready messages, alternating between tasks, and counts each as delivered. One task gets a
   * fifth of the places at most (base/fair-share.ts). A task has one event only: those go in order.
   */
  take(topic: Topic, count: number): Take {
    const now = this.#now();
    const taking = () => {
      const suspect = this.#suspects.take(topic, now);
      const taken = suspect === undefined ? [] : [this.#deliver(suspect)];
      if (topic === 'webhook') {
        taken.push(...this.#inOrder.ready(count - taken.length, now).map((id) => this.#deliver(id)));
      }
      while (topic !== 'webhook' && taken.length < count) {
        const next = this.#next(topic, now);
        if (!next || !leavesRoom(next.inFlight, count - taken.length)) break;
        taken.push(this.#deliver(next.id));
        this.#turns.take(`${topic} ${next.taskId}`);
      }
      if (taken.length > 0) this.#untouched.wereTaken(topic);
      return { taken, nextInMs: taken.length < count ? this.#nextInMs(topic, now) : undefined };
    };
    return this.#database.unsynced(() => this.#database.transaction(taking));
  }

  acknowledge({ id }: Taken): void {
    this.#database.unsynced(() => this.#database.run('DELETE FROM messages WHERE id = ?', id));
    this.#suspects.ended(id);
  }

  /** Resets the deaths: a message whose handler returns has not killed the host. */
  handBack({ id, deliveries }: Taken, afterMs: number): void {
    this.#database.run(
      `UPDATE messages SET state = 'waiting', available_at = ?, deliveries = ?, deaths = 0 WHERE id = ?`,
      Math.ceil(this.#now() + afterMs),
      deliveries,
      id,
    );
    this.#suspects.ended(id);
  }

  /** Turns a message into a dead letter. */
  deadLetter({ id, traceparent }: Taken, message: WorkMessage, reason: string): void {
    const letter: DeadLetterMessage = { topic: 'dead-letter', taskId: message.taskId, message, reason };
    this.#database.transaction(() => {
      this.#database.run('DELETE FROM messages WHERE id = ?', id);
      this.#insert(letter, traceparent);
    });
    this.#suspects.ended(id);
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
    this.#suspects.ended(id);
  }

  /** Everything in flight, in the order it was published. */
  inFlight(): Taken[] {
    return this.#database
      .rows<Row>(`SELECT ${COLUMNS} FROM messages WHERE state = 'taken' ORDER BY id`)
      .map((row) => this.#takenOf(row));
  }

  /** A ready message that was not taken leaves room for other tasks. It is taken when a place becomes free. */
  #nextInMs(topic: Topic, now: number): number | undefined {
    const suspects =
      this.#database.row<{ at: number | null }>(
        // The number is part of the SQL text, as in suspects.ts.
        `SELECT min(available_at) AS at FROM messages INDEXED BY messages_suspect
         WHERE topic = ? AND state = 'waiting' AND deaths >= ${SUSPECT_DEATHS}`,
        topic,
      )?.at ?? Number.POSITIVE_INFINITY;
    const others = topic === 'webhook' ? this.#inOrder.nextAt() : this.#waiting.nextAt(topic, now);
    const next = Math.min(others ?? Number.POSITIVE_INFINITY, Math.max(suspects, now + SUSPECTS_TURN_MS));
    return Number.isFinite(next) ? Math.max(0, next - now) : undefined;
  }

  /** See Untouched. */
  untouchedMs(topic: Topic): number {
    return this.#untouched.ms(topic, this.#now());
  }

  /** Available at time 0, so that setting the clock back does not hold up new work. */
  #insert(message: Message, traceparent: string | undefined): void {
    this.#database.run(
      `INSERT INTO messages (topic, state, task_id, body, available_at, traceparent, published_at)
       VALUES (?, 'waiting', ?, ?, 0, ?, ?)`,
      message.topic,
      message.taskId,
      JSON.stringify(message),
      traceparent ?? null,
      Math.floor(this.#now()),
    );
  }

  /**
   * The task with the fewest messages in flight. Among equals, the one whose last turn is longest ago; otherwise a long
   * task would always go first when messages are handled one at a time. Then the one whose next message is the oldest.
   */
  #next(topic: Topic, now: number): Candidate | undefined {
    const candidates = this.#waiting.ready(topic, now);
    const turnOf = ({ taskId }: Candidate) => this.#turns.of(`${topic} ${taskId}`);
    return candidates.reduce<Candidate | undefined>((best, candidate) => {
      if (!best) return candidate;
      const order =
        candidate.inFlight - best.inFlight || turnOf(candidate) - turnOf(best) || candidate.id - best.id;
      return order < 0 ? candidate : best;
    }, undefined);
  }

  #deliver(id: number): Taken {
    const row = this.#database.row<Row>(
      `UPDATE messages SET state = 'taken', deliveries = deliveries + 1 WHERE id = ?
       RETURNING ${COLUMNS}`,
      id,
    );
    if (!row) throw new Error(`Expected message ${id} to be waiting, got none`);
    return this.#takenOf(row);
  }

  #takenOf({ id, body, deliveries, deaths, traceparent, published_at: at, available_at }: Row): Taken {
    return {
      ...{ id, deliveries, message: JSON.parse(body) as Message, suspect: deaths >= SUSPECT_DEATHS },
      traceparent: traceparent ?? undefined,
      // Only what was handed back has a time. Not each such delivery is counted. A clock that was set back makes no negative age.
      age: at === null || available_at > 0 ? undefined : Math.max(0, this.#now() - at),
    };
  }
}
