import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { AttemptStore } from '../../functions/ports/attempts.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const SHORT_MS = 150;
/** Longer than SHORT_MS, with a margin because the store may use the clock of another machine. */
const OVER_MS = 400;
const LONG_MS = TIMEOUT_MS;

export function attemptContract(
  name: string,
  open: () => Promise<Harness<AttemptStore>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps attempts`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('counts crashes and failures separately, and returns both', async () => {
      await using harness = await open();
      assert.deepEqual(await harness.store.record('key', 'crash'), { crashes: 1, failures: 0 });
      assert.deepEqual(await harness.store.record('key', 'failure'), { crashes: 1, failures: 1 });
      assert.deepEqual(await harness.store.record('key', 'crash'), { crashes: 2, failures: 1 });
      assert.deepEqual(await harness.store.read(['key']), [{ crashes: 2, failures: 1 }]);
    });

    it('counts each of twenty concurrent records', async () => {
      await using harness = await open();
      const counts = await Promise.all(numbers(20).map(() => harness.store.record('key', 'crash')));
      assert.equal(Math.max(...counts.map(({ crashes }) => crashes)), 20);
      assert.deepEqual(await harness.store.read(['key']), [{ crashes: 20, failures: 0 }]);
    });

    it('takes back the crash of a holder that lives, whether it is known before or after it is counted', async () => {
      await using harness = await open();
      const { store } = harness;
      await store.record('key', 'failure');
      assert.deepEqual(await store.record('key', 'crash', 'first'), { crashes: 1, failures: 1 });
      assert.deepEqual(await store.record('key', 'crash', 'second'), { crashes: 2, failures: 1 });
      for (const _ of numbers(2)) await store.forgive('key', 'first');
      await store.forgive('key', 'third');
      assert.deepEqual(await store.record('key', 'crash', 'third'), { crashes: 1, failures: 1 });
      assert.deepEqual(await store.record('key', 'crash'), { crashes: 2, failures: 1 });
      await store.rest('key', 1);
      await store.forgive('key', 'second');
      assert.deepEqual(await store.read(['key']), [{ crashes: 1, failures: 1 }]);
    });

    it('reads many keys in the requested order, including keys without records', async () => {
      await using harness = await open();
      assert.deepEqual(await harness.store.read([]), []);
      await harness.store.record('one/ä', 'failure');
      await harness.store.rest('rested', LONG_MS);
      assert.deepEqual(await harness.store.read(['never', 'one/ä', 'rested']), [
        { crashes: 0, failures: 0 },
        { crashes: 0, failures: 1 },
        { crashes: 0, failures: 0 },
      ]);
    });

    it('starts the first round of a rest, and no other round while it lasts', async () => {
      await using harness = await open();
      assert.deepEqual(await harness.store.resting([]), []);
      assert.equal(await harness.store.rest('key', LONG_MS), 1);
      assert.equal(await harness.store.rest('key', LONG_MS), undefined);
      assert.deepEqual(await harness.store.resting(['another', 'key']), [false, true]);
      assert.equal(await harness.store.rest('another', LONG_MS), 1);
    });

    it('numbers the rounds consecutively', async () => {
      await using harness = await open();
      for (const round of [1, 2, 3]) {
        assert.equal(await harness.store.rest('key', SHORT_MS), round);
        await pause(OVER_MS);
        assert.deepEqual(await harness.store.resting(['key']), [false]);
      }
    });

    it('does not extend a rest when it refuses another one', async () => {
      await using harness = await open();
      await harness.store.rest('key', 1_000);
      assert.equal(await harness.store.rest('key', LONG_MS), undefined);
      await pause(1_400);
      assert.deepEqual(await harness.store.resting(['key']), [false]);
    });

    it('gives a round to exactly one of 50 concurrent callers', async () => {
      await using harness = await open();
      for (const round of [1, 2]) {
        const rounds = await Promise.all(numbers(50).map(() => harness.store.rest('key', 1_500)));
        assert.deepEqual(
          rounds.filter((given) => given !== undefined),
          [round],
        );
        await pause(2_000);
      }
    });

    it('keeps the counts and the rests of a key independent', async () => {
      await using harness = await open();
      await harness.store.record('key', 'crash');
      assert.equal(await harness.store.rest('key', 1_000), 1);
      await harness.store.record('key', 'failure');
      assert.deepEqual(await harness.store.resting(['key']), [true], 'a record does not end it');
      await pause(800);
      await harness.store.record('key', 'failure');
      await pause(600);
      assert.deepEqual(await harness.store.resting(['key']), [false], 'nor does it extend it');
      assert.equal(await harness.store.rest('key', SHORT_MS), 2);
      assert.deepEqual(await harness.store.read(['key']), [{ crashes: 1, failures: 2 }]);
    });
  });
}
