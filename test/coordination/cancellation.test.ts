import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessCancelled } from '../../functions/coordination/cancellation.ts';

const FOREVER = new AbortController().signal;

/** Tasks of which one is cancelled after so many looks; undefined looks fail. */
function tasks(...looks: (boolean | undefined)[]) {
  let last = false;
  return {
    async isCancelled() {
      const look = looks.shift();
      if (look !== undefined) last = look;
      else if (looks.length > 0) throw new Error('the store is away');
      return last;
    },
  };
}

describe('work for a task that may be cancelled', () => {
  const untilTold = (cancelled: AbortSignal) => sleep(60_000, 'done', { signal: cancelled });

  test('is not begun where it was cancelled before', async () => {
    const work = () => Promise.reject(new Error('it was begun'));
    assert.equal(await unlessCancelled('id', FOREVER, tasks(true), work), 'cancelled');
  });

  test('ends as if nothing were, where it is not cancelled', async () => {
    assert.deepEqual(await unlessCancelled('id', FOREVER, tasks(false), async () => 5), { value: 5 });
    const failing = () => Promise.reject(new Error('its own'));
    await assert.rejects(unlessCancelled('id', FOREVER, tasks(false), failing), /its own/);
  });

  test('is told soon, also after a look that failed', async () => {
    const outcome = await unlessCancelled('id', FOREVER, tasks(false, undefined, true), untilTold);
    assert.equal(outcome, 'cancelled');
  });

  test('counts where it ends well all the same', async () => {
    const outcome = await unlessCancelled('id', FOREVER, tasks(false, true), async (cancelled) => {
      await untilTold(cancelled).catch(() => {});
      return 'saved';
    });
    assert.deepEqual(outcome, { value: 'saved' });
  });

  test('is handed back where the host stops as well: the next one sees to it', async () => {
    const stop = new AbortController();
    const working = unlessCancelled('id', stop.signal, tasks(false, true), async (cancelled) => {
      await untilTold(cancelled).catch(() => {});
      stop.abort(new Error('the host stops'));
      throw new Error('broken off');
    });
    await assert.rejects(working, /broken off/);
  });
});
