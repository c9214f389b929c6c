/** The listener of pins on a store whose answers the test gives: too quick a race for the emulator. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { QuerySnapshot } from '@google-cloud/firestore';
import type { FirestoreConnection } from '../../../functions/adapters/firestore/firestore.ts';
import { createFirestorePins } from '../../../functions/adapters/firestore/pins.ts';
import type { PinName } from '../../../functions/model/pins.ts';
import { numbers } from '../../contracts/harness.ts';
import { samplePrepared } from '../../contracts/samples.ts';

interface Listening {
  /** Tells of new pins. */
  tell: (...names: PinName[]) => void;
  fail: (error: Error) => void;
  stopped: boolean;
}

/** A store without documents. Each listener begins when the test calls `begin`. */
function scene() {
  const listeners: Listening[] = [];
  const beginnings: (() => void)[] = [];
  const doc = (id: string) => ({
    id,
    exists: false,
    data: () => ({ pin: JSON.stringify(samplePrepared(id)) }),
  });
  const collection = { doc: (id: string) => ({ id, collection: () => collection }) };
  const db = {
    collection: () => collection,
    getAll: async (...refs: { id: string }[]) => refs.map(({ id }) => doc(id)),
  };
  const firestore = {
    run: async (work: (store: unknown) => unknown) => work({ db }),
    retained: () => ({}),
    async listen(
      _query: unknown,
      next: (snapshot: QuerySnapshot) => void,
      fail: (error: Error) => void,
    ): Promise<() => void> {
      await new Promise<void>((resolve) => beginnings.push(resolve));
      const tell = (...names: PinName[]) =>
        next({
          docChanges: () => names.map((name) => ({ type: 'added', doc: doc(name) })),
        } as unknown as QuerySnapshot);
      const own: Listening = { tell, fail, stopped: false };
      listeners.push(own);
      return () => {
        own.stopped = true;
      };
    },
  } as unknown as FirestoreConnection;
  const pins = createFirestorePins({ firestore });
  const settle = async () => {
    for (const _ of numbers(5)) await turn();
  };
  return {
    listeners,
    settle,
    async begin() {
      await settle();
      for (const resolve of beginnings.splice(0)) resolve();
      await settle();
    },
    wait: (task: string, names: PinName[], signal = new AbortController().signal) =>
      pins.wait(task, names, { timeoutMs: 600_000, signal }),
  };
}

describe('waiting for pins in Firestore', () => {
  it('listens for a caller who joins while the last other one leaves', async () => {
    const s = scene();
    const stop = new AbortController();
    const first = s.wait('a', ['prepared-0'], stop.signal);
    await s.settle();
    const second = s.wait('a', ['prepared-0']);
    stop.abort(new Error('The task was cancelled'));
    await assert.rejects(first);
    await s.begin();
    assert.deepEqual(
      s.listeners.map(({ stopped }) => stopped),
      [false],
    );
    s.listeners[0]?.tell('prepared-0');
    assert.deepEqual(await second, [samplePrepared('prepared-0')]);
    assert.equal(s.listeners[0]?.stopped, true);
  });

  it('stops a listener that begins after its last caller has left', async () => {
    const s = scene();
    const stop = new AbortController();
    const first = s.wait('a', ['prepared-0'], stop.signal);
    await s.settle();
    stop.abort(new Error('The host stops'));
    await assert.rejects(first);
    await s.begin();
    assert.equal(s.listeners[0]?.stopped, true);
  });

  it('remembers what it was told, however many tasks are waited for meanwhile', async () => {
    const s = scene();
    const tasks = numbers(100).map((at) => `task-${at}`);
    const waits = tasks.map((task) => s.wait(task, ['prepared-0', 'prepared-1']));
    await s.begin();
    for (const { tell } of s.listeners) tell('prepared-0');
    for (const { tell } of s.listeners) tell('prepared-1');
    for (const found of await Promise.all(waits)) {
      assert.deepEqual(found, [samplePrepared('prepared-0'), samplePrepared('prepared-1')]);
    }
  });

  it('ends with a transient error when the listener fails, and listens again for the next caller', async () => {
    const s = scene();
    const first = s.wait('a', ['prepared-0']);
    await s.begin();
    s.listeners[0]?.fail(new Error('Error 14: unavailable'));
    await assert.rejects(first, { code: 'platform_unavailable' });
    const second = s.wait('a', ['prepared-0']);
    await s.begin();
    s.listeners[1]?.tell('prepared-0');
    assert.deepEqual(await second, [samplePrepared('prepared-0')]);
  });
});
