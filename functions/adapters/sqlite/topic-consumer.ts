import type { Outage } from '../../base/outage.ts';
import type { MessageOf, Topic } from '../../model/messages.ts';
import type { Delivery } from '../../ports/queue.ts';
import type { SqliteMessages, Taken } from './messages.ts';

/** setTimeout accepts at most 31 bits of milliseconds; waking up early only costs one query. */
const MAX_TIMER_MS = 3_600_000;

/** Its signal fires when the consumer stops; a delivery rejected after that is repeated without being counted. */
export interface CountedDelivery extends Delivery {
  /** How often the message was delivered, including this time. */
  deliveries: number;
  /** The trace to which it belongs. */
  traceparent: string | undefined;
  /** Milliseconds since it was published, if that is known and it was not handled before. */
  age: number | undefined;
}

/** A resolved promise acknowledges the message; a rejected one hands it back, with back-off. */
export type Handler<T extends Topic> = (message: MessageOf<T>, delivery: CountedDelivery) => Promise<void>;

export interface Consumer {
  /** Stops taking messages, aborts the signals of running handlers, and resolves when all of them have ended. */
  stop(): Promise<void>;
}

export interface TopicConsumerOptions {
  topic: Topic;
  concurrency: number;
  handler: Handler<Topic>;
  messages: SqliteMessages;
  handBack: (taken: Taken, error: unknown) => void;
  outage: Outage;
  /** Called for a consumer of any topic, because the next suspect may belong to any of them. */
  onSuspectDone: () => void;
}

/** Keeps up to `concurrency` handlers busy. While idle it sleeps until it is woken or the next back-off ends. */
export class TopicConsumer {
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
    const { topic, concurrency, messages, outage } = this.#options;
    clearTimeout(this.#timer);
    if (this.#running.size >= concurrency) return;
    try {
      const { taken, nextInMs } = messages.take(topic, concurrency - this.#running.size);
      // Finding nothing writes nothing, and so proves nothing.
      if (taken.length > 0) outage.worked();
      for (const one of taken) this.#start(one);
      this.#sleep(nextInMs);
    } catch (error) {
      outage.failed(error);
      this.#sleep(outage.pauseMs);
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
      const { message, id, deliveries, traceparent, age } = taken;
      await handler(message, { messageId: String(id), deliveries, traceparent, age, signal });
    } catch (error) {
      record = signal.aborted
        ? () => messages.handBack({ ...taken, deliveries: taken.deliveries - 1 }, 0)
        : () => handBack(taken, error);
    }
    await this.#record(record);
  }

  /** Retries until the outcome is recorded, or the consumer stops: the next start then delivers the message again. */
  async #record(write: () => void): Promise<void> {
    const { outage } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      try {
        write();
        outage.worked();
        return;
      } catch (error) {
        outage.failed(error);
      }
      if (signal.aborted) return;
      await outage.pause(signal);
    }
  }
}
