import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { inTime, timeLimit, unlessAborted } from '../../functions/base/time-limit.ts';
import { sleepingMachine } from '../fixtures/system/sleeping-machine.ts';

const LATE = new Error('it is late');
const late = () => LATE;
const never = new Promise<never>(() => {});
/** Against hanging, no measure of speed. */
const LONG_MS = 60_000;

describe('a time limit', () => {
  test('fires with its error, however often it was started again, and not once it is disposed of', async () => {
    using limit = timeLimit(20, late);
    const other = timeLimit(20, late);
    other[Symbol.dispose]();
    limit.restart();
    await assert.rejects(unlessAborted(limit.signal, never), LATE);
    await pause(20);
    assert.equal(other.signal.aborted, false);
  });

  test('starts again when it is told to', async () => {
    using limit = timeLimit(200, late);
    for (let times = 0; times < 5; times++) {
      await pause(60);
      limit.restart();
    }
    assert.equal(limit.signal.aborted, false);
  });

  test('is not over after a sleep, when all timers that became due fire at once', async (t) => {
    const machine = sleepingMachine(t, 'jumps');
    using limit = timeLimit(LONG_MS, late);
    machine.sleep(LONG_MS);
    await pause(20);
    assert.equal(limit.signal.aborted, false);
  });

  test('fires with the outer signal, and its reason', () => {
    const outer = new AbortController();
    using limit = timeLimit(LONG_MS, late, outer.signal);
    outer.abort('the host stops');
    assert.equal(limit.signal.reason, 'the host stops');
  });
});

describe('waiting within a time', () => {
  test('gives what the work gave, or threw', async () => {
    assert.equal(await inTime(Promise.resolve('done'), LONG_MS, late), 'done');
    const failure = new Error('it failed');
    await assert.rejects(inTime(Promise.reject(failure), LONG_MS, late), failure);
  });

  test('rejects when the time is up, or the outer signal fires before', async () => {
    await assert.rejects(inTime(never, 10, late), LATE);
    const reason = new Error('the host stops');
    await assert.rejects(inTime(never, LONG_MS, late, AbortSignal.abort(reason)), reason);
  });

  test('leaves no rejection that nobody hears, and no listener', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const { promise, reject } = Promise.withResolvers<never>();
    await assert.rejects(inTime(promise, 5, late), LATE);
    await assert.rejects(unlessAborted(AbortSignal.abort(LATE), promise), LATE);
    reject(new Error('long after'));
    await pause(5);
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
    assert.equal(await unlessAborted(undefined, Promise.resolve('done')), 'done');
  });
});
