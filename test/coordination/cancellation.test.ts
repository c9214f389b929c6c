import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { unlessCancelled } from '../../functions/coordination/cancellation.ts';

const FOREVER = new AbortController().signal;

/** A task store that gives these answers to isCancelled, one per call; undefined makes the call fail. */
function tasks(...looks: (boolean | undefined)[]) {
  let last = false;
  return {
    async isCancelled() {
      const look = looks.shift();
      if (look !== undefined) last = look;
      else if (looks.length > 0) throw new Error('the store is unavailable');
      return last;
    },
  };
}

describe('work for a task that may be cancelled', () => {
  const untilTold = (cancelled: AbortSignal) => sleep(60_000, 'done', { signal: cancelled });

  test('does not start if the task is already cancelled', async () => {
    const work = () => Promise.reject(new Error('it was started'));
    assert.equal(await unlessCancelled('id', FOREVER, tasks(true), work), 'cancelled');
  });

  test('ends normally if the task is not cancelled', async () => {
    assert.deepEqual(await unlessCancelled('id', FOREVER, tasks(false), async () => 5), { value: 5 });
    const failing = () => Promise.reject(new Error('its own'));
    await assert.rejects(unlessCancelled('id', FOREVER, tasks(false), failing), /its own/);
  });

  test('is aborted soon after a cancellation, even if a check failed in between', async () => {
    const outcome = await unlessCancelled('id', FOREVER, tasks(false, undefined, true), untilTold);
    assert.equal(outcome, 'cancelled');
  });

  test('counts if it succeeds in spite of the cancellation', async () => {
    const outcome = await unlessCancelled('id', FOREVER, tasks(false, true), async (cancelled) => {
      await untilTold(cancelled).catch(() => {});
      return 'saved';
    });
    assert.deepEqual(outcome, { value: 'saved' });
  });

  test('is handed back if the host stops as well, so that the next host handles it', async () => {
    const stop = new AbortController();
    const working = unlessCancelled('id', stop.signal, tasks(false, true), async (cancelled) => {
      await untilTold(cancelled).catch(() => {});
      stop.abort(new Error('the host stops'));
      throw new Error('broken off');
    });
    await assert.rejects(working, /broken off/);
  });
});
