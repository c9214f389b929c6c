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

  test('keep reserved places for owners who have none', async (t) => {
    const { begin, started } = workshop(t, { places: 3, slowPlaces: 0, reserved: 1 });
    await begin('a1', 'a2', 'a3', 'a4');
    assert.deepEqual(started, ['a1', 'a2']);
    await begin('b1');
    assert.deepEqual(started, ['a1', 'a2', 'b1']);
  });
});
