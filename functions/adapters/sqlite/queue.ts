import { setTimeout as pause } from 'node:timers/promises';
import type { Message, MessageOf, Topic } from '../../model/messages.ts';
import type { Delivery, Queue } from '../../ports.ts';
import { BACK_OFF_BASE_MS, isWaiting, pauseMs, reasonOf } from '../shared/queue-backoff.ts';
import { SqliteMessages, type Taken, type TopicCounts } from './messages.ts';
import type { Database } from './sqlite.ts';

/** As many as a Pub/Sub dead-letter policy allows at most, so that both hosts give up alike. */
export const MAX_DELIVERIES = 100;
/** After the database itself failed (a full disk, mostly) it is asked again this much later. */
const REPAIR_PAUSE_MS = 1000;
/** setTimeout takes at most 31 bits of milliseconds; waking early only means to look again. */
const MAX_TIMER_MS = 3_600_000;
const HOST_ENDED = 'The host ended while the message was handled';

/** Its signal fires when the consumer stops: what is rejected from then on is delivered again, uncounted. */
export interface CountedDelivery extends Delivery {
  /** How often the message was delivered, this time included. */
  deliveries: number;
}

/** Resolved: acknowledged. Rejected: handed back, with back-off. */
export type Handler<T extends Topic> = (message: MessageOf<T>, delivery: CountedDelivery) => Promise<void>;

export interface ConsumeOptions<T extends Topic> {
  /** Messages in flight at a time. */
  concurrency: number;
  handler: Handler<T>;
}

export interface Consumer {
  /** Takes no more, aborts the signal of the handlers at work, and resolves when they have ended. */
  stop(): Promise<void>;
}

export interface SqliteQueue extends Queue {
  consume<T extends Topic>(topic: T, options: ConsumeOptions<T>): Consumer;
  counts(): Record<Topic, TopicCounts>;
}

export interface SqliteQueueOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** A dead letter that could not be handled and is kept, quarantined; or, without a message, the database failed. */
  onError?: (error: unknown, message?: Message) => void;
  maxDeliveries?: number;
  backOffBaseMs?: number;
}

/**
 * Durable, in one file, delivering within this process. Messages that were in flight when the last host died are
 * ready again, that delivery and that death counted: have one queue per database.
 */
export function createSqliteQueue({
  database,
  now = Date.now,
  onError = warn,
  maxDeliveries = MAX_DELIVERIES,
  backOffBaseMs = BACK_OFF_BASE_MS,
}: SqliteQueueOptions): SqliteQueue {
  const messages = new SqliteMessages(database, now);
  const consumers = new Set<TopicConsumer>();
  const wake = (topics: ReadonlySet<Topic>): void => {
    for (const consumer of consumers) if (topics.has(consumer.topic)) consumer.wake();
  };

  const giveUp = (taken: Taken, error: unknown, reason = reasonOf(error)): void => {
    const { message } = taken;
    if (message.topic === 'dead-letter') {
      messages.quarantine(taken);
      onError(error, message);
    } else {
      messages.deadLetter(taken, message, reason);
      wake(new Set(['dead-letter']));
    }
  };
  const handBack = (taken: Taken, error: unknown): void => {
    if (isWaiting(error)) {
      // To wait is not to fail: it is not counted, and what it waits for may be there a moment later.
      messages.handBack({ ...taken, deliveries: taken.deliveries - 1 }, pauseMs(error, 1, backOffBaseMs));
    } else if (taken.deliveries >= maxDeliveries) {
      giveUp(taken, error);
    } else {
      messages.handBack(taken, pauseMs(error, taken.deliveries, backOffBaseMs));
    }
  };

  for (const taken of messages.inFlight()) {
    if (taken.deliveries >= maxDeliveries) giveUp(taken, new Error(HOST_ENDED), HOST_ENDED);
    else messages.recover(taken);
  }

  return {
    async publish(published) {
      messages.add(published);
      wake(new Set(published.map(({ topic }) => topic)));
    },

    consume(topic, { concurrency, handler }) {
      const consumer = new TopicConsumer({
        topic,
        concurrency,
        handler: (message, delivery) => handler(message as MessageOf<typeof topic>, delivery),
        messages,
        handBack,
        onError,
        onSuspectDone: () => {
          for (const other of consumers) other.wake();
        },
      });
      consumers.add(consumer);
      consumer.wake();
      return {
        stop() {
          consumers.delete(consumer);
          return consumer.stop();
        },
      };
    },

    counts() {
      return {
        prepare: messages.counts('prepare'),
        render: messages.counts('render'),
        complete: messages.counts('complete'),
        'dead-letter': messages.counts('dead-letter'),
      };
    },
  };
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

interface TopicConsumerOptions {
  topic: Topic;
  concurrency: number;
  handler: Handler<Topic>;
  messages: SqliteMessages;
  handBack: (taken: Taken, error: unknown) => void;
  onError: (error: unknown) => void;
  /** The next one may be of any topic. */
  onSuspectDone: () => void;
}

/** Keeps up to `concurrency` handlers busy; between messages it sleeps until woken or until one's back-off is over. */
class TopicConsumer {
  readonly #options: TopicConsumerOptions;
  readonly #running = new Map<Promise<void>, AbortController>();
  readonly #stopping = new AbortController();
  #soon: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TopicConsumerOptions) {
    this.#options = options;
  }

  get topic(): Topic {
    return this.#options.topic;
  }

  /** Not at once: whoever publishes is to be answered first, and many wakes make one look. */
  wake(): void {
    if (this.#stopping.signal.aborted || this.#soon) return;
    this.#soon = setImmediate(() => {
      this.#soon = undefined;
      this.#fill();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearImmediate(this.#soon);
    clearTimeout(this.#timer);
    for (const controller of this.#running.values()) controller.abort(new Error('The queue is stopping'));
    await Promise.all(this.#running.keys());
  }

  #fill(): void {
    const { topic, concurrency, messages, onError } = this.#options;
    clearTimeout(this.#timer);
    if (this.#running.size >= concurrency) return;
    try {
      for (const taken of messages.take(topic, concurrency - this.#running.size)) this.#start(taken);
      if (this.#running.size < concurrency) this.#sleep(messages.nextInMs(topic));
    } catch (error) {
      this.#sleep(REPAIR_PAUSE_MS);
      onError(error);
    }
  }

  #sleep(ms: number | undefined): void {
    if (ms !== undefined) this.#timer = setTimeout(() => this.#fill(), Math.min(ms, MAX_TIMER_MS));
  }

  #start(taken: Taken): void {
    const controller = new AbortController();
    const run = this.#run(taken, controller.signal).finally(() => {
      this.#running.delete(run);
      this.wake();
      if (taken.suspect) this.#options.onSuspectDone();
    });
    this.#running.set(run, controller);
  }

  async #run(taken: Taken, signal: AbortSignal): Promise<void> {
    const { handler, messages, handBack } = this.#options;
    let record = () => messages.acknowledge(taken);
    try {
      await handler(taken.message, { deliveries: taken.deliveries, signal });
    } catch (error) {
      record = signal.aborted
        ? () => messages.handBack({ ...taken, deliveries: taken.deliveries - 1 }, 0)
        : () => handBack(taken, error);
    }
    await this.#record(record);
  }

  /** What became of a message is written down however long the database fails; at a stop, the next start sees to it. */
  async #record(write: () => void): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      try {
        write();
        return;
      } catch (error) {
        this.#options.onError(error);
      }
      if (signal.aborted) return;
      await pause(REPAIR_PAUSE_MS, undefined, { signal }).catch(() => {});
    }
  }
}
