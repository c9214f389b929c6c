import { setTimeout as pause, setImmediate as turnOfOthers } from 'node:timers/promises';
import type { Message, MessageOf, Topic } from '../../model/messages.ts';
import type { Delivery, Queue } from '../../ports.ts';
import { BACK_OFF_BASE_MS, isWaiting, pauseMs, reasonOf } from '../shared/queue-backoff.ts';
import { SqliteMessages, type Taken, type TopicCounts } from './messages.ts';
import type { Database } from './sqlite.ts';

/** The most that a Pub/Sub dead-letter policy allows, so that both hosts give up after the same number. */
export const MAX_DELIVERIES = 100;
/** Delay before trying again after the database itself failed, usually because the disk is full. */
const REPAIR_PAUSE_MS = 1000;
/** setTimeout accepts at most 31 bits of milliseconds; waking up early only costs one query. */
const MAX_TIMER_MS = 3_600_000;
/** Messages stored in one transaction, which takes milliseconds. Between two of them, requests are answered. */
const AT_A_TIME = 500;
const HOST_ENDED = 'The host ended while the message was handled';

/** Its signal fires when the consumer stops; a delivery rejected after that is repeated without being counted. */
export interface CountedDelivery extends Delivery {
  /** How often the message was delivered, including this time. */
  deliveries: number;
}

/** A resolved promise acknowledges the message; a rejected one hands it back, with back-off. */
export type Handler<T extends Topic> = (message: MessageOf<T>, delivery: CountedDelivery) => Promise<void>;

export interface ConsumeOptions<T extends Topic> {
  /** Messages in flight at a time. One task gets a fifth of these places at most, so that others begin at once. */
  concurrency: number;
  handler: Handler<T>;
  /** Called before a failed message is stored again, with the milliseconds until it is delivered. */
  onHandedBack?: (message: MessageOf<T>, error: unknown, pauseMs: number) => void;
}

type OnHandedBack = (message: Message, error: unknown, pauseMs: number) => void;

export interface Consumer {
  /** Stops taking messages, aborts the signals of running handlers, and resolves when all of them have ended. */
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
  /**
   * Called with a message when a dead letter could not be handled and is quarantined; without one when the database
   * fails.
   */
  onError?: (error: unknown, message?: Message) => void;
  maxDeliveries?: number;
  backOffBaseMs?: number;
}

/**
 * A durable queue in one file that delivers within this process. Messages that were in flight when the previous host
 * died are ready again, with that delivery and that death counted; so create only one queue per database.
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
  const handBack = (taken: Taken, error: unknown, onHandedBack: OnHandedBack = () => {}): void => {
    // Waiting is not a failure: the delivery is not counted, and the next one follows soon.
    const waits = isWaiting(error);
    if (!waits && taken.deliveries >= maxDeliveries) {
      giveUp(taken, error);
      return;
    }
    const pause = pauseMs(error, waits ? 1 : taken.deliveries, backOffBaseMs);
    onHandedBack(taken.message, error, pause);
    messages.handBack({ ...taken, deliveries: taken.deliveries - (waits ? 1 : 0) }, pause);
  };

  for (const taken of messages.inFlight()) {
    if (taken.deliveries >= maxDeliveries) giveUp(taken, new Error(HOST_ENDED), HOST_ENDED);
    else messages.recover(taken);
  }

  return {
    async publish(published) {
      for (let from = 0; from < published.length; from += AT_A_TIME) {
        if (from > 0) await turnOfOthers();
        const some = published.slice(from, from + AT_A_TIME);
        messages.add(some);
        wake(new Set(some.map(({ topic }) => topic)));
      }
    },

    consume(topic, { concurrency, handler, onHandedBack }) {
      const consumer = new TopicConsumer({
        topic,
        concurrency,
        handler: (message, delivery) => handler(message as MessageOf<typeof topic>, delivery),
        messages,
        handBack: (taken, error) => handBack(taken, error, onHandedBack as OnHandedBack | undefined),
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
  /** Called for a consumer of any topic, because the next suspect may belong to any of them. */
  onSuspectDone: () => void;
}

/** Keeps up to `concurrency` handlers busy. While idle it sleeps until it is woken or the next back-off ends. */
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

  /** Deferred, so that `publish` returns first and several wakes cost one query. */
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
      const { taken, nextInMs } = messages.take(topic, concurrency - this.#running.size);
      for (const one of taken) this.#start(one);
      this.#sleep(nextInMs);
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

  /** Retries until the outcome is recorded, or the consumer stops: the next start then delivers the message again. */
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
