import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Message } from '../../functions/ports.ts';
import { TIMEOUT_MS, until } from '../contracts/harness.ts';
import { deadLetter, renders } from '../contracts/queue.ts';
import { openQueue } from '../fixtures/sqlite-queue.ts';

describe('the sqlite queue, stopped or killed and started again', { timeout: TIMEOUT_MS }, () => {
  it('delivers again at the next start what was in flight when the host died, that delivery counted', async () => {
    await using harness = await openQueue();
    const seen: number[] = [];
    const hang = new Promise<void>(() => {});
    harness.queue.consume('render', {
      concurrency: 2,
      handler: ({ index }, { deliveries }) => {
        seen.push(index, deliveries);
        return hang;
      },
    });
    await harness.queue.publish(renders(3));
    await until(() => seen.length === 4, 'two in flight');
    assert.deepEqual(harness.queue.counts().render, { waiting: 1, inFlight: 2, parked: 0 });
    harness.restart();
    assert.deepEqual(harness.queue.counts().render, { waiting: 3, inFlight: 0, parked: 0 });
    const again: [number, number][] = [];
    harness.consume('render', {
      concurrency: 3,
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

  it('buries at the next start what was the end of a host too often', async () => {
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

  it('does not count a delivery that a stop cut short, and has the message ready at the next start', async () => {
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

  it('acknowledges what a handler finishes in spite of a stop, and takes nothing after it', async () => {
    await using harness = await openQueue();
    const finish = Promise.withResolvers<void>();
    const consumer = harness.consume('render', { concurrency: 1, handler: () => finish.promise });
    await harness.queue.publish(renders(2));
    await until(() => harness.queue.counts().render.inFlight === 1, 'a delivery');
    const stopped = consumer.stop();
    finish.resolve();
    await stopped;
    await pause(20);
    assert.deepEqual(harness.queue.counts().render, { waiting: 1, inFlight: 0, parked: 0 });
  });
});
