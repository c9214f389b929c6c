import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Message, MessageOf, Topic, WorkMessage } from '../../functions/model/messages.ts';
import type { Delivery, Queue } from '../../functions/ports/queue.ts';
import { type ContractOptions, numbers, TIMEOUT_MS, until } from './harness.ts';

export interface QueueHarness extends AsyncDisposable {
  queue: Queue;
  /**
   * Delivers the messages of a topic until stopped. Resolving acknowledges; rejecting hands back, with a back-off long
   * enough for a waiting message to go first.
   */
  consume<T extends Topic>(
    topic: T,
    options: { concurrency: number; handler: (message: MessageOf<T>, delivery: Delivery) => Promise<void> },
  ): Stoppable | Promise<Stoppable>;
  /** After this many failed deliveries a message becomes a dead letter; undefined if a test cannot set it. */
  maxDeliveries?: number;
}

interface Stoppable {
  /** Aborts the signals of running handlers and resolves when they have ended. */
  stop(): Promise<void>;
}

export function queueContract(
  name: string,
  open: () => Promise<QueueHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} delivers messages`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('passes every message unchanged to the handler of its topic', async () => {
      await using harness = await open();
      const sent: Message[] = [
        { topic: 'prepare', taskId: 'täsk', source: 3 },
        { topic: 'render', taskId: 'täsk', index: 1 },
        { topic: 'complete', taskId: 'täsk' },
        { topic: 'webhook', taskId: 'täsk' },
        deadLetter({ topic: 'render', taskId: 'täsk', index: 2 }),
      ];
      const got: [Topic, Message][] = [];
      for (const topic of ['prepare', 'render', 'complete', 'webhook', 'dead-letter'] as const) {
        await harness.consume(topic, {
          concurrency: 2,
          handler: async (message) => {
            got.push([topic, message]);
          },
        });
      }
      await harness.queue.publish(sent);
      await until(() => got.length >= sent.length, 'every message to be delivered');
      for (const message of sent) {
        assert.ok(got.some(([, one]) => JSON.stringify(one) === JSON.stringify(message)));
      }
      for (const [topic, message] of got) assert.equal(topic, message.topic);
    });

    it('delivers messages that were published before there was a consumer', async () => {
      await using harness = await open();
      await harness.queue.publish(renders(3));
      const got = await harnessed(harness, 'render');
      await until(() => got.size === 3, 'the waiting messages');
    });

    it('delivers all of 1,000 messages published at once, also by three publishers', async () => {
      await using harness = await open();
      const got = await harnessed(harness, 'render', 16);
      await Promise.all([
        harness.queue.publish(renders(1000, 'a')),
        harness.queue.publish(renders(50, 'b')),
        harness.queue.publish(renders(50, 'c')),
        harness.queue.publish([]),
      ]);
      await until(() => got.size === 1100, 'all messages');
    });

    it('delivers a message as many times as it is published', async () => {
      await using harness = await open();
      let deliveries = 0;
      await harness.consume('complete', {
        concurrency: 1,
        handler: async () => {
          deliveries += 1;
        },
      });
      const message: Message = { topic: 'complete', taskId: 'a' };
      await harness.queue.publish([message, message]);
      await harness.queue.publish([message]);
      await until(() => deliveries >= 3, 'three deliveries');
    });

    it('redelivers a message until its handler resolves', async () => {
      await using harness = await open();
      let deliveries = 0;
      let done = false;
      await harness.consume('render', {
        concurrency: 1,
        handler: async () => {
          deliveries += 1;
          if (deliveries < 3) throw new Error('Not yet');
          done = true;
        },
      });
      await harness.queue.publish(renders(1));
      await until(() => done, 'the third delivery');
    });

    it('loses none of 50 messages even if each fails the first time', async () => {
      await using harness = await open();
      const tried = new Set<number>();
      const done = new Set<number>();
      await harness.consume('render', {
        concurrency: 8,
        handler: async ({ index }) => {
          const again = tried.has(index);
          tried.add(index);
          if (!again) throw new Error('The first time fails');
          done.add(index);
        },
      });
      await harness.queue.publish(renders(50));
      await until(() => done.size === 50, 'every message to succeed');
    });

    it('delivers other messages first after one was handed back', async () => {
      await using harness = await open();
      const order: number[] = [];
      await harness.consume('render', {
        concurrency: 1,
        handler: async ({ index }) => {
          const known = order.includes(index);
          order.push(index);
          if (index === 1 && !known) throw new Error('Not yet');
        },
      });
      await harness.queue.publish(renders(2));
      await until(() => order.filter((index) => index === 1).length === 2, 'the second delivery');
      assert.ok(order.includes(2));
      assert.ok(order.indexOf(2) < order.lastIndexOf(1), `got ${order}`);
    });

    it('turns a message that always fails into a dead letter with the reason, and delivers the rest', async (t) => {
      await using harness = await open();
      const { maxDeliveries } = harness;
      if (maxDeliveries === undefined) return t.skip('this queue does not count deliveries here');
      const deliveries = new Map<number, number>();
      await harness.consume('render', {
        concurrency: 2,
        handler: async ({ index }) => {
          deliveries.set(index, (deliveries.get(index) ?? 0) + 1);
          if (index === 1) throw new Error(`Failed on delivery ${deliveries.get(index)}`);
        },
      });
      const letters: MessageOf<'dead-letter'>[] = [];
      await harness.consume('dead-letter', {
        concurrency: 1,
        handler: async (letter) => {
          letters.push(letter);
        },
      });
      const messages = renders(3);
      await harness.queue.publish(messages);
      await until(() => letters.length > 0 && deliveries.size === 3, 'the dead letter and the others');
      assert.equal(deliveries.get(1), maxDeliveries);
      const [letter] = letters;
      assert.deepEqual(
        [letter?.topic, letter?.taskId, letter?.message],
        ['dead-letter', 'task', messages[0]],
      );
      assert.equal(typeof letter?.reason, 'string');
    });

    it('aborts the signal on stop, waits for the handler, and delivers the message to the next consumer', async () => {
      await using harness = await open();
      const events: string[] = [];
      const first = await harness.consume('render', {
        concurrency: 1,
        handler: async (_message, { signal }) => {
          events.push('begun');
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          // A handler needs a moment to end its child processes.
          await pause(50);
          events.push('ended');
          throw signal.reason;
        },
      });
      await harness.queue.publish(renders(1));
      await until(() => events.length === 1, 'the first delivery');
      await first.stop();
      events.push('stopped');
      assert.deepEqual(events, ['begun', 'ended', 'stopped']);
      const got = await harnessed(harness, 'render');
      await until(() => got.size === 1, 'the message to be redelivered');
    });
  });
}

export function renders(count: number, taskId = 'task'): WorkMessage[] {
  return numbers(count).map((at) => ({ topic: 'render', taskId, index: at + 1 }));
}

export function deadLetter(message: WorkMessage): MessageOf<'dead-letter'> {
  return { topic: 'dead-letter', taskId: message.taskId, message, reason: 'It failed' };
}

/** Acknowledges everything and collects each distinct message. */
async function harnessed(harness: QueueHarness, topic: Topic, concurrency = 2): Promise<Set<string>> {
  const got = new Set<string>();
  await harness.consume(topic, {
    concurrency,
    handler: async (message) => {
      got.add(JSON.stringify(message));
    },
  });
  return got;
}
