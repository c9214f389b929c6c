import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Memo } from '../../functions/ports/memo.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const URL = 'https://example.com/clip.mp4?X-Signature=a%2Fb';

export function memoContract(
  name: string,
  open: () => Promise<Harness<Memo>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps memos`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('returns values in the requested order, with gaps for unknown keys', async () => {
      await using harness = await open();
      assert.deepEqual(await harness.store.recall([]), []);
      await harness.store.settle('b', 'value-b');
      await harness.store.remember(URL, 'value-url');
      assert.deepEqual(await harness.store.recall(['a', 'b', 'a/b', URL, `${URL}c`]), [
        undefined,
        'value-b',
        undefined,
        'value-url',
        undefined,
      ]);
    });

    it('accepts any text as a key, even one as long as a signed URL', async () => {
      await using harness = await open();
      const long = `https://example.com/${'x'.repeat(4000)}`;
      const keys = [
        'file/x/it\'s "ä" / 🎬.mp4',
        '',
        '.',
        '__x__',
        '\ud800',
        '\udfff',
        `${long}1`,
        `${long}2`,
      ];
      for (const key of keys) {
        assert.equal(await harness.store.settle(key, `value of ${key.length}`), `value of ${key.length}`);
        await harness.store.remember(`also ${key}`, `${key.length}`);
      }
      assert.deepEqual(
        await harness.store.recall(keys),
        keys.map((key) => `value of ${key.length}`),
      );
      assert.deepEqual(
        await harness.store.recall(keys.map((key) => `also ${key}`)),
        keys.map((key) => `${key.length}`),
      );
      assert.deepEqual(await harness.store.recall([`${long}3`, '\ud801']), [undefined, undefined]);
    });

    it('accepts any text as a value', async () => {
      await using harness = await open();
      const value = JSON.stringify({
        etag: 'W/"a\'b"',
        lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT',
        x: '🎬',
      });
      await harness.store.remember('key', value);
      assert.deepEqual(await harness.store.recall(['key']), [value]);
      await harness.store.remember('key', '');
      assert.deepEqual(await harness.store.recall(['key']), ['']);
    });

    it('recalls a thousand keys at a time', async () => {
      await using harness = await open();
      await harness.store.settle('key-999', 'last');
      const found = await harness.store.recall(numbers(1000).map((at) => `key-${at}`));
      assert.equal(found.length, 1000);
      assert.deepEqual(
        found.filter((value) => value !== undefined),
        ['last'],
      );
      assert.equal(found[999], 'last');
    });

    describe('with settle', () => {
      it('keeps the first value, and returns it', async () => {
        await using harness = await open();
        assert.equal(await harness.store.settle('key', 'first'), 'first');
        assert.equal(await harness.store.settle('key', 'second'), 'first');
        assert.deepEqual(await harness.store.recall(['key']), ['first']);
      });

      it('keeps one of twenty concurrent values, and returns it to all callers', async () => {
        await using harness = await open();
        const answers = await Promise.all(numbers(20).map((at) => harness.store.settle('key', `${at}`)));
        assert.equal(new Set(answers).size, 1);
        assert.deepEqual(await harness.store.recall(['key']), [answers[0]]);
      });

      it('replaces a value that is no longer valid once, whichever caller reports it', async () => {
        await using harness = await open();
        assert.equal(await harness.store.settle('key', 'old', 'never there'), 'old');
        const answers = await Promise.all(
          numbers(10).map((at) => harness.store.settle('key', `new-${at}`, 'old')),
        );
        assert.equal(new Set(answers).size, 1);
        assert.match(answers[0] as string, /^new-/);
        // A late caller still names the old value.
        assert.equal(await harness.store.settle('key', 'newer', 'old'), answers[0]);
      });
    });

    describe('with remember', () => {
      it('keeps the last value', async () => {
        await using harness = await open();
        await harness.store.remember(URL, 'old');
        await harness.store.remember(URL, 'new');
        assert.deepEqual(await harness.store.recall([URL]), ['new']);
      });

      it('keeps one complete value of three concurrent ones', async () => {
        await using harness = await open();
        const values = numbers(3).map((at) => `${at}`.repeat(1000));
        await Promise.all(values.map((value) => harness.store.remember(URL, value)));
        const [found] = await harness.store.recall([URL]);
        assert.ok(found !== undefined && values.includes(found), found);
      });
    });
  });
}
