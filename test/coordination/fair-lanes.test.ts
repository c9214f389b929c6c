import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fairLanes } from '../../functions/coordination/fair-lanes.ts';
import { fakeTime } from '../fixtures/system/fake-time.ts';

const SLOW_AFTER_MS = 1_000;

/** Work that runs until it is told to end. `started` has the names in the order in which they started. */
function workshop(
  t: TestContext,
  { places, slowPlaces, reserved = 0 }: { places: number; slowPlaces: number; reserved?: number },
) {
  const time = fakeTime(t);
  const lanes = fairLanes({ places, reserved, slowPlaces, slowAfterMs: SLOW_AFTER_MS });
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  const passing = (ms: number) => time.passing(sleep(ms));
  return {
    started,
    passing,
    usage: lanes.usage,
    /** The owner is the first letter. */
    async begin(...names: string[]): Promise<void> {
      for (const name of names) {
        void lanes(name.slice(0, 1))(async () => {
          started.push(name);
          const { promise, resolve } = Promise.withResolvers<void>();
          ends.set(name, resolve);
          await promise;
        });
      }
      await passing(1);
    },
    async end(name: string): Promise<void> {
      ends.get(name)?.();
      await passing(1);
    },
  };
}

describe('fair lanes', () => {
  test('keep one piece of work at a time as long as it is quick', async (t) => {
    const { begin, end, started } = workshop(t, { places: 1, slowPlaces: 1 });
    await begin('a1', 'a2', 'b1');
    assert.deepEqual(started, ['a1']);
    await end('a1');
    assert.deepEqual(started, ['a1', 'b1']);
  });

  test('let others start beside work that has become long', async (t) => {
    const { begin, end, started, passing } = workshop(t, { places: 1, slowPlaces: 1 });
    await begin('a1', 'b1', 'b2');
    await passing(SLOW_AFTER_MS);
    assert.deepEqual(started, ['a1', 'b1']);
    await end('b1');
    assert.deepEqual(started, ['a1', 'b1', 'b2']);
  });

  test('let those start at once who come when work has long been long', async (t) => {
    const { begin, started, passing } = workshop(t, { places: 1, slowPlaces: 1 });
    await begin('a1');
    await passing(2 * SLOW_AFTER_MS);
    await begin('b1');
    assert.deepEqual(started, ['a1', 'b1']);
  });

  test('start nothing more of an owner whose work is in the slow lane until that ends', async (t) => {
    const { begin, end, started, passing } = workshop(t, { places: 1, slowPlaces: 2 });
    await begin('a1', 'a2', 'b1');
    await passing(SLOW_AFTER_MS);
    await end('b1');
    assert.deepEqual(started, ['a1', 'b1']);
    await end('a1');
    assert.deepEqual(started, ['a1', 'b1', 'a2']);
  });

  test('move no work aside for other work of the same owner', async (t) => {
    const { begin, started, passing } = workshop(t, { places: 1, slowPlaces: 1 });
    await begin('a1', 'a2');
    await passing(2 * SLOW_AFTER_MS);
    assert.deepEqual(started, ['a1']);
  });

  test('keep long work in its place while the slow lane is full', async (t) => {
    const { begin, end, started, passing } = workshop(t, { places: 1, slowPlaces: 1 });
    await begin('a1', 'b1', 'c1');
    await passing(SLOW_AFTER_MS);
    await passing(SLOW_AFTER_MS);
    assert.deepEqual(started, ['a1', 'b1']);
    await end('a1');
    assert.deepEqual(started, ['a1', 'b1', 'c1']);
  });

  test('tell how many are at work, long work included', async (t) => {
    const { begin, end, passing, usage } = workshop(t, { places: 2, slowPlaces: 1 });
    assert.deepEqual(usage(), { used: 0, limit: 2 });
    await begin('a1', 'b1', 'c1');
    assert.deepEqual(usage(), { used: 2, limit: 2 });
    await passing(SLOW_AFTER_MS);
    assert.deepEqual(usage(), { used: 3, limit: 2 });
    for (const name of ['a1', 'b1', 'c1']) await end(name);
    assert.deepEqual(usage(), { used: 0, limit: 2 });
  });

  test('keep reserved places for owners who have none', async (t) => {
    const { begin, started } = workshop(t, { places: 3, slowPlaces: 0, reserved: 1 });
    await begin('a1', 'a2', 'a3', 'a4');
    assert.deepEqual(started, ['a1', 'a2']);
    await begin('b1');
    assert.deepEqual(started, ['a1', 'a2', 'b1']);
  });
});

describe('fair lanes without a slow one', () => {
  test('admit at most its limit at a time', async () => {
    const semaphore = fairLanes({ places: 2 });
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

  test('let an owner with one job wait for at most one job of an owner with many', async () => {
    const semaphore = fairLanes({ places: 1 });
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

  test('do not let an owner who adds jobs one by one starve an owner with many waiting jobs', async () => {
    const semaphore = fairLanes({ places: 1 });
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

  test('are free again after failed work', async () => {
    const semaphore = fairLanes({ places: 1 });
    await assert.rejects(
      semaphore('a')(() => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(await semaphore('b')(async () => 'yes'), 'yes');
  });

  test('have places that can be given back early, but only once', async () => {
    const semaphore = fairLanes({ places: 1 });
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
