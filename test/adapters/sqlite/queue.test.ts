import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { backOffMs, pauseMs } from '../../../functions/adapters/shared/queue-backoff.ts';
import { SqliteMessages } from '../../../functions/adapters/sqlite/messages.ts';
import { type Database, openDatabase } from '../../../functions/adapters/sqlite/sqlite.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { duringRequest, requestId } from '../../../functions/base/request-id.ts';
import type { Message } from '../../../functions/model/messages.ts';
import { TIMEOUT_MS, until } from '../../contracts/harness.ts';
import { deadLetter, queueContract, renders } from '../../contracts/queue.ts';
import { openQueue, total } from '../../fixtures/hosts/sqlite-queue.ts';
import { fakeTime } from '../../fixtures/system/fake-time.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

queueContract('sqlite', openQueue);

describe('the sqlite queue', { timeout: TIMEOUT_MS }, () => {
  it('deletes acknowledged messages', async () => {
    await using harness = await openQueue();
    await harness.queue.publish(renders(20));
    assert.deepEqual(harness.queue.counts().render, { waiting: 20, inFlight: 0, quarantined: 0 });
    let deliveries = 0;
    harness.consume('render', {
      concurrency: 4,
      handler: async () => {
        deliveries += 1;
      },
    });
    await until(() => deliveries === 20 && total(harness.queue.counts()) === 0, 'an empty queue');
    harness.restart();
    assert.equal(total(harness.queue.counts()), 0);
    assert.equal(deliveries, 20);
  });

  it('takes events oldest first and a few at a time, for the same work whatever the backlog', async () => {
    await using dir = await tempDir();
    const workFor = (backlog: number) => {
      using database = openDatabase(join(dir.path, `${backlog}.sqlite`));
      let [calls, rows] = [0, 0];
      const counting: Database = {
        ...database,
        row: (...query) => {
          calls += 1;
          return database.row(...query);
        },
        rows: <T>(...query: Parameters<Database['rows']>) => {
          const found = database.rows<T>(...query);
          calls += 1;
          rows += found.length;
          return found;
        },
        transaction: (work) => database.transaction(work),
      };
      const messages = new SqliteMessages(counting, () => 1_000);
      const events = Array.from(
        { length: backlog },
        (_, at) => ({ topic: 'webhook', taskId: `${at}` }) as const,
      );
      messages.add(events);
      calls = 0;
      const { taken, nextInMs } = messages.take('webhook', 64);
      assert.deepEqual(
        taken.map(({ message }) => message.taskId),
        events.slice(0, 8).map(({ taskId }) => taskId),
      );
      assert.equal(nextInMs, 0);
      for (const one of taken) messages.handBack(one, 500);
      assert.equal(
        messages.take('webhook', 1).taken[0]?.message.taskId,
        '8',
        'then those that never had a turn',
      );
      return { calls, rows };
    };
    assert.deepEqual(workFor(1_000), workFor(10));
  });

  it('handles messages apart from the request and the work that published them', async () => {
    await using harness = await openQueue();
    const work = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    harness.consume('render', {
      concurrency: 1,
      handler: async () => {
        seen.push([requestId(), work.getStore()]);
      },
    });
    // The consumer has looked once and sleeps, so that the request wakes it.
    await pause(1);
    await work.run('preparing', () => duringRequest('one', () => harness.queue.publish(renders(3))));
    await until(() => seen.length === 3, 'three messages');
    assert.deepEqual(seen, Array(3).fill([undefined, undefined]));
  });

  it('lets other work go on while it stores many messages', async () => {
    await using harness = await openQueue();
    let [turns, stored] = [0, false];
    const count = () => {
      turns += 1;
      if (!stored) setImmediate(count);
    };
    setImmediate(count);
    await harness.queue.publish(renders(5_000));
    stored = true;
    assert.ok(turns >= 9, `got ${turns} turns of the event loop`);
    assert.equal(total(harness.queue.counts()), 5_000);
  });

  it('keeps exactly the allowed number of messages in flight, of one task at most a fifth of them', async () => {
    await using harness = await openQueue();
    let atOnce = 0;
    let most = 0;
    let done = 0;
    harness.consume('render', {
      concurrency: 32,
      handler: async () => {
        atOnce += 1;
        most = Math.max(most, atOnce);
        await pause(5);
        atOnce -= 1;
        done += 1;
      },
    });
    await harness.queue.publish(renders(200));
    await until(() => done === 200, 'all messages');
    assert.equal(most, 7);
    await harness.queue.publish(Array.from({ length: 40 }, (_, n) => renders(5, `task ${n}`)).flat());
    await until(() => done === 400, 'all messages of forty tasks');
    assert.equal(most, 32);
  });

  it('alternates between tasks: three messages do not wait for a thousand', async () => {
    for (const concurrency of [1, 2, 8]) {
      await using harness = await openQueue();
      await harness.queue.publish([...renders(1000, 'long'), ...renders(3, 'short')]);
      const order: string[] = [];
      harness.consume('render', {
        concurrency,
        handler: async ({ taskId }) => {
          order.push(taskId);
          await pause(1);
        },
      });
      await until(() => order.filter((taskId) => taskId === 'short').length === 3, 'the short task');
      const behind = order.lastIndexOf('short');
      assert.ok(behind <= 20, `concurrency ${concurrency}: ${behind} messages came before its last one`);
    }
  });

  it('takes from the task with the fewest in flight, then the oldest', async () => {
    await using harness = await openQueue();
    const held = Promise.withResolvers<void>();
    const order: string[] = [];
    harness.consume('render', {
      concurrency: 12,
      handler: async ({ taskId, index }) => {
        order.push(`${taskId}${index}`);
        await held.promise;
      },
    });
    await harness.queue.publish(renders(3, 'a'));
    await until(() => order.length === 3, 'three of a');
    await harness.queue.publish([...renders(2, 'a'), ...renders(2, 'b')]);
    await until(() => order.length === 5, 'five in flight');
    assert.deepEqual(order, ['a1', 'a2', 'a3', 'b1', 'b2']);
    held.resolve();
    await until(() => order.length === 7, 'the rest');
  });

  it('begins a message at once beside tasks that have hundreds in flight or waiting', async () => {
    await using harness = await openQueue();
    const held = Promise.withResolvers<void>();
    const running = new Map<string, number>();
    harness.consume('prepare', {
      concurrency: 16,
      handler: async ({ taskId }) => {
        running.set(taskId, (running.get(taskId) ?? 0) + 1);
        await held.promise;
      },
    });
    const begun = (...counts: number[]) =>
      until(() => isDeepStrictEqual([...running.values()], counts), `${counts} in flight`);
    await harness.queue.publish(prepares(200, 'hog 1'));
    await begun(4);
    await harness.queue.publish(prepares(200, 'hog 2'));
    await begun(4, 3);
    await harness.queue.publish([...prepares(200, 'hog 3'), ...prepares(200, 'hog 4')]);
    await begun(4, 3, 2, 2);
    await harness.queue.publish(prepares(1, 'ordinary'));
    await begun(4, 3, 2, 2, 1);
    held.resolve();
    await until(() => total(harness.queue.counts()) === 0, 'all messages');
  });

  it('does not query again and again while ready messages leave room for others', async () => {
    let queries = 0;
    await using harness = await openQueue({
      now: () => {
        queries += 1;
        return 1_000_000;
      },
    });
    const held = Promise.withResolvers<void>();
    let begun = 0;
    harness.consume('prepare', {
      concurrency: 9,
      handler: async () => {
        begun += 1;
        await held.promise;
      },
    });
    await harness.queue.publish(prepares(10, 'hog'));
    await until(() => begun === 2, 'its places');
    const before = queries;
    await pause(50);
    assert.equal(queries, before);
    held.resolve();
    await until(() => begun === 10, 'the rest');
  });

  it('doubles the pause with each delivery, up to a minute, with jitter', () => {
    const pauses = (random: number) =>
      [1, 2, 3, 6, 7, 99].map((deliveries) => backOffMs(deliveries, 1000, () => random));
    assert.deepEqual(pauses(1), [1000, 2000, 4000, 32_000, 60_000, 60_000]);
    assert.deepEqual(pauses(0), [500, 1000, 2000, 16_000, 30_000, 30_000]);
    const spread = new Set([1, 2, 3, 4, 5].map(() => backOffMs(1)));
    assert.ok(spread.size > 1);
  });

  it('waits as long as a transient error asks for if that is longer than its own pause', async () => {
    let at = 1_000_000;
    await using harness = await openQueue({ now: () => at, backOffBaseMs: 1000 });
    const order: number[] = [];
    harness.consume('render', {
      concurrency: 1,
      handler: async ({ index }) => {
        const known = order.includes(index);
        order.push(index);
        if (known || index > 2) return;
        throw new TransientError('source_busy', 'Wait', { retryAfterMs: index === 1 ? 600_000 : 1 });
      },
    });
    await harness.queue.publish(renders(2));
    await until(() => order.length === 2, 'the first deliveries');
    // Wakes the queue. New messages go first, so this one comes before the messages that are ready.
    const ring = async (bell: number, laterMs: number) => {
      at += laterMs;
      await harness.queue.publish([{ topic: 'render', taskId: 'task', index: bell }]);
      await until(() => order.includes(bell), `bell ${bell}`);
      await pause(50);
    };
    await ring(10, 499);
    await ring(11, 501);
    await ring(12, 598_999);
    await ring(13, 1);
    await until(() => order.length === 8, 'the last of them');
    assert.deepEqual(order, [1, 2, 10, 11, 2, 12, 13, 1]);
  });

  it('says how long a message waited before it was first handled, and nothing of the time since then', async () => {
    let at = 1_000;
    await using harness = await openQueue({ now: () => at });
    await harness.queue.publish(renders(1));
    at += 40;
    const ages: (number | undefined)[] = [];
    harness.consume('render', {
      concurrency: 1,
      async handler(_, { age }) {
        ages.push(age);
        if (ages.length === 1) throw new TransientError('waiting', 'Its sources are not ready');
      },
    });
    await until(() => harness.queue.counts().render.waiting === 1 && ages.length === 1, 'it handed back');
    at += 60_000;
    await until(() => ages.length === 2, 'the second delivery');
    assert.deepEqual(ages, [40, undefined]);
  });

  it('neither counts nor slows down a message that has only been waiting', async () => {
    let at = 1_000_000;
    await using harness = await openQueue({ now: () => at, backOffBaseMs: 1000, maxDeliveries: 3 });
    let deliveries = 0;
    harness.consume('render', {
      concurrency: 1,
      handler: async ({ index }) => {
        if (index !== 1) return;
        deliveries += 1;
        throw new TransientError('waiting', 'Its sources are not ready');
      },
    });
    await harness.queue.publish(renders(1));
    await until(() => deliveries === 1, 'the first delivery');
    const handedBack = { waiting: 1, inFlight: 0, quarantined: 0 };
    for (let round = 2; round <= 6; round++) {
      await until(
        () => isDeepStrictEqual(harness.queue.counts().render, handedBack),
        'the message handed back',
      );
      at += 1000;
      // Wakes the queue, which otherwise checks again only after a real second.
      await harness.queue.publish([{ topic: 'render', taskId: 'bell', index: 2 }]);
      await until(() => deliveries === round, `delivery ${round}`);
    }
  });

  it('takes new messages before those that were handed back', async () => {
    await using harness = await openQueue({ backOffBaseMs: 1 });
    const seen: number[] = [];
    harness.consume('render', {
      concurrency: 2,
      handler: async ({ index }) => {
        seen.push(index);
        if (index <= 4) throw new TransientError('waiting', 'Its sources are not ready');
      },
    });
    await harness.queue.publish(renders(40));
    await until(() => new Set(seen).size === 40, 'every message');
  });

  it('says why it gave up, unless the reason is internal', async () => {
    for (const [error, reason] of [
      [new TransientError('network', 'Expected an answer, got none.'), /got none/],
      [new Error('ENOENT: /home/secret'), /^an unexpected error/],
    ] as const) {
      await using harness = await openQueue({ maxDeliveries: 1 });
      let told = '';
      harness.consume('render', { concurrency: 1, handler: () => Promise.reject(error) });
      harness.consume('dead-letter', {
        concurrency: 1,
        handler: async (letter) => {
          told = letter.reason;
        },
      });
      await harness.queue.publish(renders(1));
      await until(() => told !== '', 'the dead letter');
      assert.match(told, reason);
    }
  });

  it('pauses at most ten minutes, whatever the other side asks for', () => {
    const day = new TransientError('source_busy', 'Wait', { retryAfterMs: 86_400_000 });
    assert.equal(pauseMs(day, 1, 1000), 600_000);
  });

  it('quarantines a dead letter that cannot be handled, reports it once, and never delivers it again', async () => {
    const errors: [unknown, Message | undefined][] = [];
    await using harness = await openQueue({
      onQuarantine: (error, message) => errors.push([error, message]),
    });
    const letter = deadLetter({ topic: 'render', taskId: 'task', index: 1 });
    let deliveries = 0;
    const failing = {
      concurrency: 1,
      handler: async () => {
        deliveries += 1;
        throw new Error(`No ${deliveries}`);
      },
    };
    harness.consume('dead-letter', failing);
    await harness.queue.publish([letter]);
    await until(() => errors.length === 1, 'the reported error');
    assert.deepEqual(errors, [[new Error('No 4'), letter]]);
    harness.restart();
    harness.consume('dead-letter', failing);
    await pause(100);
    assert.equal(deliveries, 4);
    assert.deepEqual(harness.queue.counts()['dead-letter'], { waiting: 0, inFlight: 0, quarantined: 1 });
  });

  it('tells by topic how old the oldest message is that waits or is in flight', async () => {
    const clock = { ms: 1_000 };
    await using harness = await openQueue({ now: () => clock.ms, onQuarantine() {} });
    const { queue } = harness;
    await queue.publish([{ topic: 'prepare', taskId: 'b', source: 0 }]);
    clock.ms = 2_000;
    // Of a task that comes first in the index.
    await queue.publish([{ topic: 'prepare', taskId: 'a', source: 0 }, ...renders(3)]);
    clock.ms = 5_000;
    assert.deepEqual([queue.oldestMs('prepare'), queue.oldestMs('render')], [4_000, 3_000]);
    assert.equal(queue.oldestMs('complete'), 0);
    const hold = Promise.withResolvers<void>();
    harness.consume('prepare', {
      concurrency: 10,
      handler: async ({ taskId }) => {
        if (taskId === 'a') await hold.promise;
      },
    });
    await until(() => queue.counts().prepare.waiting + queue.counts().prepare.inFlight === 1, 'one left');
    assert.equal(queue.counts().prepare.inFlight, 1);
    assert.equal(queue.oldestMs('prepare'), 3_000);
    hold.resolve();
    await until(() => queue.counts().prepare.inFlight === 0, 'the end');
    assert.equal(queue.oldestMs('prepare'), 0);
    // A clock that was set back makes no negative age.
    clock.ms = 0;
    assert.equal(queue.oldestMs('render'), 0);
    await queue.publish([deadLetter({ topic: 'render', taskId: 'task', index: 1 })]);
    clock.ms = 9_000;
    harness.database.run(`UPDATE messages SET state = 'parked' WHERE topic = 'dead-letter'`);
    assert.equal(queue.oldestMs('dead-letter'), 0);
  });

  it('records the outcome of a message once the database works again', async () => {
    const errors: unknown[] = [];
    await using harness = await openQueue({ onOutage: { began: (error) => errors.push(error), over() {} } });
    let deliveries = 0;
    harness.consume('render', {
      concurrency: 1,
      handler: async () => {
        deliveries += 1;
        harness.database.row('PRAGMA query_only = 1');
      },
    });
    await harness.queue.publish(renders(1));
    await until(() => errors.length > 0, 'the reported error');
    assert.equal(harness.queue.counts().render.inFlight, 1);
    harness.database.row('PRAGMA query_only = 0');
    await until(() => total(harness.queue.counts()) === 0, 'the acknowledgement');
    assert.equal(deliveries, 1);
  });

  it('takes messages again once the database works again', async () => {
    const errors: unknown[] = [];
    await using harness = await openQueue({ onOutage: { began: (error) => errors.push(error), over() {} } });
    await harness.queue.publish(renders(1));
    harness.database.row('PRAGMA query_only = 1');
    let deliveries = 0;
    harness.consume('render', {
      concurrency: 1,
      handler: async () => {
        deliveries += 1;
      },
    });
    await until(() => errors.length > 0, 'the reported error');
    harness.database.row('PRAGMA query_only = 0');
    await until(() => deliveries === 1, 'the message');
  });
});

describe('the sqlite queue on a full disk', { timeout: TIMEOUT_MS }, () => {
  it('tries with growing pauses, tells it once, and hands over everything once there is room', async (t) => {
    const time = fakeTime(t);
    const told: string[] = [];
    let tries = 0;
    await using harness = await openQueue({
      now: () => {
        tries++;
        return 1_000_000;
      },
      onOutage: { began: () => told.push('began'), over: () => told.push('over') },
    });
    const indexes: number[] = [];
    const held = Promise.withResolvers<void>();
    harness.consume('render', {
      concurrency: 40,
      handler: async ({ index }) => {
        indexes.push(index);
        await held.promise;
      },
    });
    await harness.queue.publish([...renders(50), ...renders(50, 'other')]);
    await time.passing(until(() => indexes.length > 10, 'messages in flight'));
    harness.database.row('PRAGMA query_only = 1');
    held.resolve();
    tries = 0;
    await time.passing(pause(30_000));
    assert.deepEqual(told, ['began']);
    assert.ok(tries < 30, `got ${tries} tries to take messages in 30 s`);
    harness.database.row('PRAGMA query_only = 0');
    await time.passing(until(() => total(harness.queue.counts()) === 0, 'an empty queue'));
    await time.passing(pause(6_000));
    assert.deepEqual(told, ['began', 'over']);
    assert.equal(indexes.length, 100, 'each message once');
  });

  it('says once that a message is handed back, however often that cannot be stored', async (t) => {
    const time = fakeTime(t);
    await using harness = await openQueue({ onOutage: { began() {}, over() {} } });
    let [deliveries, told] = [0, 0];
    harness.consume('render', {
      concurrency: 1,
      handler: async () => {
        deliveries += 1;
        if (deliveries > 1) return;
        harness.database.row('PRAGMA query_only = 1');
        throw new TransientError('network', 'Away.');
      },
      onHandedBack: () => {
        told += 1;
      },
    });
    await harness.queue.publish(renders(1));
    await time.passing(pause(20_000));
    harness.database.row('PRAGMA query_only = 0');
    await time.passing(until(() => total(harness.queue.counts()) === 0, 'an empty queue'));
    assert.deepEqual([deliveries, told], [2, 1]);
  });

  it('knows of each message whether it waits or is being handled', async () => {
    await using harness = await openQueue();
    const has = () =>
      Promise.all(
        (['task', 'other'] as const).flatMap((taskId) =>
          [1, 2].map((index) => harness.queue.has?.({ topic: 'render', taskId, index })),
        ),
      );
    await harness.queue.publish([{ topic: 'render', taskId: 'task', index: 2 }]);
    assert.deepEqual(await has(), [false, true, false, false]);
    const handled = Promise.withResolvers<void>();
    const consumer = harness.consume('render', { concurrency: 1, handler: () => handled.promise });
    await until(() => harness.queue.counts().render.inFlight === 1, 'a message in flight');
    assert.deepEqual(await has(), [false, true, false, false]);
    handled.resolve();
    await consumer.stop();
    assert.deepEqual(await has(), [false, false, false, false]);
  });

  it('gives no message up that waits for room, however often it is delivered', async () => {
    await using harness = await openQueue({ backOffBaseMs: 1, maxDeliveries: 4 });
    const letters: string[] = [];
    let deliveries = 0;
    harness.consume('dead-letter', {
      concurrency: 1,
      handler: async ({ reason }) => void letters.push(reason),
    });
    harness.consume('render', {
      concurrency: 1,
      handler: async () => {
        deliveries++;
        if (deliveries <= 30)
          throw new TransientError(deliveries % 2 ? 'disk_full' : 'output_gone', 'No room.');
        // What fails then for another reason has tries left.
        if (deliveries === 31) throw new TransientError('network', 'No answer.');
      },
    });
    await harness.queue.publish(renders(1));
    await until(() => total(harness.queue.counts()) === 0, 'an empty queue');
    assert.deepEqual([deliveries, letters], [32, []]);
  });
});

function prepares(count: number, taskId: string): Message[] {
  return Array.from({ length: count }, (_, source) => ({ topic: 'prepare', taskId, source }));
}
