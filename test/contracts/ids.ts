import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IdMemory } from '../../functions/ports.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

export function idContract(
  name: string,
  open: () => Promise<Harness<IdMemory>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps ids`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('has none where none was settled, and answers in the order asked for', async () => {
      await using harness = await open();
      assert.deepEqual(await harness.store.recall([]), []);
      await harness.store.settle('b', 'id-b');
      assert.deepEqual(await harness.store.recall(['a', 'b', 'a/b']), [undefined, 'id-b', undefined]);
    });

    it('lets the first one stand, and answers with it', async () => {
      await using harness = await open();
      assert.equal(await harness.store.settle('key', 'first'), 'first');
      assert.equal(await harness.store.settle('key', 'second'), 'first');
      assert.deepEqual(await harness.store.recall(['key']), ['first']);
    });

    it('lets one of twenty at once stand, and answers all with it', async () => {
      await using harness = await open();
      const answers = await Promise.all(numbers(20).map((at) => harness.store.settle('key', `${at}`)));
      assert.equal(new Set(answers).size, 1);
      assert.deepEqual(await harness.store.recall(['key']), [answers[0]]);
    });

    it('puts another one in the place of one that is gone, once, whoever says so', async () => {
      await using harness = await open();
      assert.equal(await harness.store.settle('key', 'old', 'never there'), 'old');
      const answers = await Promise.all(
        numbers(10).map((at) => harness.store.settle('key', `new-${at}`, 'old')),
      );
      assert.equal(new Set(answers).size, 1);
      assert.match(answers[0] as string, /^new-/);
      // Late, with the old one in hand.
      assert.equal(await harness.store.settle('key', 'newer', 'old'), answers[0]);
    });

    it('takes any text for a key', async () => {
      await using harness = await open();
      const keys = ['file/x/it\'s "ä" / 🎬.mp4', '', '.', '__x__', 'x'.repeat(4000), `${'x'.repeat(4000)}y`];
      for (const key of keys) assert.equal(await harness.store.settle(key, `id of ${key}`), `id of ${key}`);
      assert.deepEqual(
        await harness.store.recall(keys),
        keys.map((key) => `id of ${key}`),
      );
    });

    it('recalls a thousand at a time', async () => {
      await using harness = await open();
      await harness.store.settle('key-999', 'last');
      const found = await harness.store.recall(numbers(1000).map((at) => `key-${at}`));
      assert.equal(found.length, 1000);
      assert.deepEqual(
        found.filter((id) => id !== undefined),
        ['last'],
      );
      assert.equal(found[999], 'last');
    });
  });
}
