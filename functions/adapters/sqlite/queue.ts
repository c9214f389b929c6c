import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { isShortage } from '../../base/errors.ts';
import { createOutage, type OutageListener } from '../../base/outage.ts';
import { apartFromRequests } from '../../base/request-id.ts';
import type { Message, MessageOf, Topic } from '../../model/messages.ts';
import type { Queue } from '../../ports/queue.ts';
import { BACK_OFF_BASE_MS, isWaiting, pauseMs, reasonOf } from '../shared/queue-backoff.ts';
import { countMessages, oldestMs, type TopicCounts } from './backlog.ts';
import { SqliteMessages, type Taken } from './messages.ts';
import type { Database } from './sqlite.ts';
import { type Consumer, type Handler, TopicConsumer } from './topic-consumer.ts';

/** The most that a Pub/Sub dead-letter policy allows, so that both hosts give up after the same number. */
export const MAX_DELIVERIES = 100;
/** Messages stored in one transaction, which takes milliseconds. Between two of them, requests are answered. */
const AT_A_TIME = 500;
const HOST_ENDED = 'The host ended while the message was handled';

export interface ConsumeOptions<T extends Topic> {
  /** Messages in flight at a time. One task gets a fifth of these places at most, so that others begin at once. */
  concurrency: number;
  handler: Handler<T>;
  /** Called once for each failed delivery, before the message is stored again, with the milliseconds until the next one. */
  onHandedBack?: (message: MessageOf<T>, error: unknown, pauseMs: number) => void;
}

type OnHandedBack = (message: Message, error: unknown, pauseMs: number) => void;

export interface SqliteQueue extends Queue {
  consume<T extends Topic>(topic: T, options: ConsumeOptions<T>): Consumer;
  counts(): Record<Topic, TopicCounts>;
  /** How long ago the oldest message was published that waits or is in flight, in milliseconds; 0 if there is none. */
  oldestMs(topic: Topic): number;
  /** How long ready messages of any topic have been seen to wait while nothing is taken, in milliseconds awake. */
  untouchedMs(): number;
}

export interface SqliteQueueOptions {
  database: Database;
  /** Milliseconds since the epoch. */
  now?: () => number;
  /** The trace to which published messages belong. */
  traceparent?: () => string | undefined;
  /** Told when messages can neither be taken nor acknowledged, usually because the disk is full, and when that is over. */
  onOutage?: OutageListener;
  /** Called when a dead letter could not be handled and is quarantined. */
  onQuarantine?: (error: unknown, message: Message) => void;
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
  traceparent = () => undefined,
  onOutage = { began: warn, over() {} },
  onQuarantine = warn,
  maxDeliveries = MAX_DELIVERIES,
  backOffBaseMs = BACK_OFF_BASE_MS,
}: SqliteQueueOptions): SqliteQueue {
  const messages = new SqliteMessages(database, now, traceparent);
  const consumers = new Set<TopicConsumer>();
  const wakeAll = () => {
    for (const consumer of consumers) consumer.wake();
  };
  const outage = createOutage({ ...onOutage, onSuccess: wakeAll });
  // Work is none of the request that published it, and neither is what follows when it ends.
  const wake = (topics: ReadonlySet<Topic>): void =>
    apartFromRequests(() => {
      for (const consumer of consumers) if (topics.has(consumer.topic)) consumer.wake();
    });

  const giveUp = (taken: Taken, error: unknown, reason = reasonOf(error)): void => {
    const { message } = taken;
    if (message.topic === 'dead-letter') {
      messages.quarantine(taken);
      onQuarantine(error, message);
    } else {
      messages.deadLetter(taken, message, reason);
      wake(new Set(['dead-letter']));
    }
  };
  /** Storing a message again is repeated while the disk is full. */
  const told = new WeakSet<Taken>();
  const handBack = (taken: Taken, error: unknown, onHandedBack: OnHandedBack = () => {}): void => {
    // Waiting is not a failure: the delivery is not counted, and the next one follows soon.
    const waits = isWaiting(error);
    const isShort = isShortage(error);
    if (!waits && !isShort && taken.deliveries >= maxDeliveries) {
      giveUp(taken, error);
      return;
    }
    // Work waits for room on a disk as long as that takes. The count makes the pauses grow, and stops halfway to giving up.
    const counted = isShort ? Math.min(taken.deliveries, Math.ceil(maxDeliveries / 2)) : taken.deliveries;
    const pause = pauseMs(error, waits ? 1 : counted, backOffBaseMs);
    if (!told.has(taken)) onHandedBack(taken.message, error, pause);
    told.add(taken);
    messages.handBack({ ...taken, deliveries: counted - (waits ? 1 : 0) }, pause);
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

    async has(message) {
      return messages.has(message);
    },

    consume(topic, { concurrency, handler, onHandedBack }) {
      const consumer = new TopicConsumer({
        topic,
        concurrency,
        handler: (message, delivery) => handler(message as MessageOf<typeof topic>, delivery),
        messages,
        handBack: (taken, error) => handBack(taken, error, onHandedBack as OnHandedBack | undefined),
        outage,
        onSuspectDone: wakeAll,
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
        prepare: countMessages(database, 'prepare'),
        render: countMessages(database, 'render'),
        complete: countMessages(database, 'complete'),
        webhook: countMessages(database, 'webhook'),
        'dead-letter': countMessages(database, 'dead-letter'),
      };
    },

    oldestMs: (topic) => oldestMs(database, topic, now()),

    untouchedMs: () => Math.max(0, ...[...consumers].map(({ topic }) => messages.untouchedMs(topic))),
  };
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
