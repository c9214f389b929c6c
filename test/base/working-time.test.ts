import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { setImmediate as untilOneHasThePlace } from 'node:timers/promises';
import { waiting, workingTime } from '../../functions/base/working-time.ts';
import { fairLanes } from '../../functions/coordination/fair-lanes.ts';

/** Time passes only when the test says so. */
function ownTime(t: TestContext): (ms: number) => Promise<void> {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  return async (ms) => {
    now += ms;
  };
}

describe('the time that work takes', () => {
  test('is without what it waits for, also for a wait that fails', async (t) => {
    const pass = ownTime(t);
    const { value, seconds } = await workingTime(async () => {
      await pass(1_000);
      await waiting(() => pass(60_000));
      await assert.rejects(
        waiting(async () => {
          await pass(5_000);
          throw new Error('no place');
        }),
      );
      await pass(500);
      return 'made';
    });
    assert.deepEqual([value, seconds], ['made', 1.5]);
  });

  test('is never below nothing, although several things can wait at the same time', async (t) => {
    const pass = ownTime(t);
    const gate = Promise.withResolvers<void>();
    const timed = workingTime(() => Promise.all([1, 2, 3].map(() => waiting(() => gate.promise))));
    await pass(2_000);
    gate.resolve();
    assert.equal((await timed).seconds, 0);
  });

  test('does not count a place among other work, and counts each work apart', async (t) => {
    const pass = ownTime(t);
    const lane = fairLanes({ places: 1 });
    const first = Promise.withResolvers<void>();
    const one = workingTime(() => lane('one')(() => first.promise));
    const other = workingTime(() => lane('other')(() => pass(300)));
    await untilOneHasThePlace();
    await pass(4_000);
    first.resolve();
    assert.deepEqual([(await one).seconds, (await other).seconds], [4, 0.3]);
  });
});
