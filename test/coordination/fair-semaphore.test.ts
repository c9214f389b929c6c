import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fairSemaphore } from '../../functions/coordination/fair-semaphore.ts';

describe('a fair semaphore', () => {
  test('admits at most its limit at a time', async () => {
    const semaphore = fairSemaphore(2);
    let running = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 10 }, () =>
        semaphore('a')(async () => {
          most = Math.max(most, ++running);
          await sleep(5);
          running -= 1;
        }),
      ),
    );
    assert.equal(most, 2);
  });

  test('lets an owner with one job wait for at most one job of an owner with many', async () => {
    const semaphore = fairSemaphore(1);
    const order: string[] = [];
    const work = (owner: string) =>
      semaphore(owner)(async () => {
        order.push(owner);
        await sleep(1);
      });
    const many = Array.from({ length: 20 }, () => work('many'));
    await sleep(3);
    const before = order.length;
    await work('one');
    assert.ok(order.indexOf('one') - before <= 1, order.join(' '));
    await Promise.all(many);
    assert.equal(order.length, 21);
  });

  test('does not let an owner who adds jobs one by one starve an owner with many waiting jobs', async () => {
    const semaphore = fairSemaphore(1);
    const order: string[] = [];
    let more = 20;
    // Each job adds the next while it still runs, so that exactly one is always waiting.
    const steady = (): Promise<void> =>
      semaphore('steady')(async () => {
        order.push('steady');
        if (more-- > 0) void steady();
        await sleep(1);
      });
    await steady();
    const many = Array.from({ length: 5 }, () =>
      semaphore('many')(async () => {
        order.push('many');
        await sleep(1);
      }),
    );
    await Promise.all(many);
    assert.ok(order.length <= 14, `the two owners take turns: ${order.join(' ')}`);
  });

  test('is free again after failed work', async () => {
    const semaphore = fairSemaphore(1);
    await assert.rejects(
      semaphore('a')(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await semaphore('b')(async () => 'yes'), 'yes');
  });

  test('can be released early, but only once', async () => {
    const semaphore = fairSemaphore(1);
    const open = Promise.withResolvers<void>();
    let inside = 0;
    let most = 0;
    const works = Array.from({ length: 4 }, () =>
      semaphore('a')(async (release) => {
        most = Math.max(most, ++inside);
        await sleep(1);
        inside -= 1;
        release();
        release();
        await open.promise;
      }),
    );
    // Every job gets in although no other job has ended.
    while (inside > 0 || most === 0) await sleep(1);
    assert.equal(await semaphore('b')(async () => 'in'), 'in');
    open.resolve();
    await Promise.all(works);
    assert.equal(most, 1);
    assert.equal(await semaphore('b')(async () => 'still one'), 'still one');
  });
});
