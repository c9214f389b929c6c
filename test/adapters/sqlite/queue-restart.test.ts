import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { TransientError } from '../../../functions/base/errors.ts';
import type { Message } from '../../../functions/model/messages.ts';
import { TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { deadLetter, renders } from '../../contracts/queue.ts';
import { openQueue, total } from '../../fixtures/hosts/sqlite-queue.ts';

describe('the sqlite queue, stopped or killed and started again', { timeout: TIMEOUT_MS }, () => {
  it('redelivers at the next start what was in flight when the host died, with that delivery counted', async () => {
    await using harness = await openQueue();
    const seen: number[] = [];
    const hang = new Promise<void>(() => {});
    harness.queue.consume('render', {
      concurrency: 9,
      handler: ({ index }, { deliveries }) => {
        seen.push(index, deliveries);
        return hang;
      },
    });
    await harness.queue.publish(renders(3));
    await until(() => seen.length === 4, 'two in flight');
    assert.deepEqual(harness.queue.counts().render, { waiting: 1, inFlight: 2, quarantined: 0 });
    harness.restart();
    assert.deepEqual(harness.queue.counts().render, { waiting: 3, inFlight: 0, quarantined: 0 });
    const again: [number, number][] = [];
    harness.consume('render', {
      concurrency: 20,
      handler: async ({ index }, { deliveries }) => {
        again.push([index, deliveries]);
      },
    });
    await until(() => again.length === 3, 'all three');
    assert.deepEqual(again, [
      [3, 1],
      [1, 2],
      [2, 2],
    ]);
  });

  it('delivers what was in flight at two deaths one at a time across topics, in parallel with everything else', async () => {
    await using harness = await openQueue();
    const prepares = [0, 1].map((source): Message => ({ topic: 'prepare', taskId: 'task-1', source }));
    await harness.queue.publish([...prepares, ...renders(3)]);
    for (let death = 1; death <= 2; death++) {
      let taken = 0;
      const handler = () => {
        taken += 1;
        return new Promise<void>(() => {});
      };
      harness.queue.consume('prepare', { concurrency: 20, handler });
      harness.queue.consume('render', { concurrency: 20, handler });
      await until(() => taken === 5, `all in flight, round ${death}`);
      harness.restart();
    }
    await harness.queue.publish(renders(6).slice(3));
    let suspects = 0;
    let most = 0;
    let beside = 0;
    const done: string[] = [];
    const handler = async (message: Message) => {
      const suspect = message.topic === 'prepare' || (message.topic === 'render' && message.index <= 3);
      if (suspect) {
        suspects += 1;
        most = Math.max(most, suspects);
      } else if (suspects > 0) beside += 1;
      await pause(60);
      if (suspect) suspects -= 1;
      done.push(message.topic);
    };
    harness.consume('prepare', { concurrency: 20, handler });
    harness.consume('render', { concurrency: 20, handler });
    await until(() => done.length === 8, 'all of them');
    assert.deepEqual([most, beside], [1, 3]);
    assert.deepEqual(total(harness.queue.counts()), 0);
  });

  describe('with suspects', () => {
    const prepare = (taskId: string, source: number): Message => ({ topic: 'prepare', taskId, source });

    /** A queue with messages that were all in flight at two deaths. */
    async function suspected(messages: readonly Message[], now?: () => number) {
      const harness = await openQueue({ maxDeliveries: 100, ...(now === undefined ? {} : { now }) });
      await harness.queue.publish(messages);
      for (let death = 1; death <= 2; death++) {
        let taken = 0;
        const handler = () => {
          taken += 1;
          return new Promise<void>(() => {});
        };
        for (const topic of ['prepare', 'render'] as const) {
          harness.queue.consume(topic, { concurrency: 20, handler });
        }
        await until(() => taken === messages.length, `all in flight, round ${death}`);
        harness.restart();
      }
      return harness;
    }

    it('clears suspects that hand themselves back to wait for a later one', async () => {
      await using harness = await suspected([...renders(2), prepare('task-1', 0)]);
      let prepared = false;
      const seen: string[] = [];
      harness.consume('render', {
        concurrency: 20,
        handler: async ({ index }) => {
          if (!prepared) throw new TransientError('waiting', 'Not yet.');
          seen.push(`render ${index}`);
        },
      });
      harness.consume('prepare', {
        concurrency: 20,
        handler: async () => {
          prepared = true;
          seen.push('prepare');
        },
      });
      await until(() => seen.length === 3, 'all of them');
      assert.deepEqual(seen.sort(), ['prepare', 'render 1', 'render 2']);
    });

    it('starts the next suspect in parallel with a slow one, alternating between tasks', async () => {
      let clock = Date.now();
      const messages = [prepare('a', 0), prepare('a', 1), prepare('b', 0)];
      await using harness = await suspected(messages, () => clock);
      const seen: string[] = [];
      const letGo = Promise.withResolvers<void>();
      harness.consume('prepare', {
        concurrency: 20,
        handler: ({ taskId, source }) => {
          seen.push(`${taskId}${source}`);
          return letGo.promise;
        },
      });
      await until(() => seen.length === 1, 'the first one');
      await pause(600);
      assert.deepEqual(seen, ['a0'], 'alone');
      clock += 5_000;
      await until(() => seen.length === 2, 'the second one');
      await pause(600);
      assert.deepEqual(seen, ['a0', 'b0']);
      clock += 5_000;
      await until(() => seen.length === 3, 'the third one');
      letGo.resolve();
      await until(() => total(harness.queue.counts()) === 0, 'the end');
    });

    it('reverses the order after each death, so that a slow suspect runs alone every other time', async () => {
      let clock = Date.now();
      await using harness = await suspected([prepare('a', 0), prepare('a', 1)], () => clock);
      const firsts: string[] = [];
      for (let start = 3; start <= 6; start++) {
        let taken = 0;
        harness.queue.consume('prepare', {
          concurrency: 20,
          handler: ({ source }) => {
            if (taken === 0) firsts.push(`a${source}`);
            taken += 1;
            return new Promise<void>(() => {});
          },
        });
        await until(() => taken === 1, 'the first one');
        clock += 5_000;
        await until(() => taken === 2, 'the second one, in parallel');
        harness.restart();
      }
      assert.deepEqual(firsts, ['a0', 'a1', 'a0', 'a1']);
    });

    it('never misses a suspect, whatever millisecond it becomes ready in', async () => {
      let clock = 1_000_000;
      // Each reading of the clock is a millisecond later than the last.
      await using harness = await suspected(renders(1), () => clock++);
      let deliveries = 0;
      harness.consume('render', {
        concurrency: 20,
        handler: async () => {
          deliveries += 1;
          if (deliveries < 20) throw new TransientError('waiting', 'Not yet.');
        },
      });
      const ticking = setInterval(() => {
        clock += 7;
      }, 5);
      try {
        await until(() => total(harness.queue.counts()) === 0, 'the twentieth delivery');
      } finally {
        clearInterval(ticking);
      }
    });
  });

  it('dead-letters at the next start a message that killed the host too often', async () => {
    await using harness = await openQueue();
    await harness.queue.publish(renders(1));
    for (let death = 1; death <= 4; death++) {
      let taken = false;
      harness.queue.consume('render', {
        concurrency: 1,
        handler: () => {
          taken = true;
          return new Promise(() => {});
        },
      });
      await until(() => taken, `delivery ${death}`);
      harness.restart();
    }
    assert.equal(harness.queue.counts().render.waiting, 0);
    const letters: Message[] = [];
    harness.consume('dead-letter', {
      concurrency: 1,
      handler: async (letter) => {
        letters.push(letter);
      },
    });
    await until(() => letters.length === 1, 'the dead letter');
    assert.deepEqual(letters[0], {
      ...deadLetter({ topic: 'render', taskId: 'task', index: 1 }),
      reason: 'The host ended while the message was handled',
    });
  });

  it('does not count a delivery that a stop interrupted, and has the message ready at the next start', async () => {
    await using harness = await openQueue({ backOffBaseMs: 60_000 });
    const first = harness.consume('render', {
      concurrency: 1,
      handler: (_message, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    await harness.queue.publish(renders(1));
    await until(() => harness.queue.counts().render.inFlight === 1, 'a delivery');
    await first.stop();
    await first.stop();
    harness.restart();
    const counted: number[] = [];
    harness.consume('render', {
      concurrency: 1,
      handler: async (_message, { deliveries }) => {
        counted.push(deliveries);
      },
    });
    await until(() => counted.length === 1, 'the message');
    assert.deepEqual(counted, [1]);
  });

  it('acknowledges a message that its handler finishes in spite of a stop, and takes no more', async () => {
    await using harness = await openQueue();
    const finish = Promise.withResolvers<void>();
    const consumer = harness.consume('render', { concurrency: 1, handler: () => finish.promise });
    await harness.queue.publish(renders(2));
    await until(() => harness.queue.counts().render.inFlight === 1, 'a delivery');
    const stopped = consumer.stop();
    finish.resolve();
    await stopped;
    await pause(20);
    assert.deepEqual(harness.queue.counts().render, { waiting: 1, inFlight: 0, quarantined: 0 });
  });
});
