import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UrlMemory } from '../../functions/ports.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const URL = 'https://example.com/clip.mp4?X-Signature=a%2Fb';

export function urlContract(
  name: string,
  open: () => Promise<Harness<UrlMemory>>,
  options: ContractOptions = {},
): void {
  describe(`${name} remembers URLs`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('knows nothing of a URL it was not told of', async () => {
      await using harness = await open();
      await harness.store.remember(URL, 'content', { etag: '"1"' });
      assert.equal(await harness.store.recall(`${URL}c`), undefined);
    });

    it('recalls content and validator as they were', async () => {
      await using harness = await open();
      const validator = { etag: 'W/"a\'b"', lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT' };
      await harness.store.remember(URL, 'content', validator);
      assert.deepEqual(await harness.store.recall(URL), { content: 'content', validator });
    });

    it('recalls what it was told last', async () => {
      await using harness = await open();
      await harness.store.remember(URL, 'old', {
        etag: '"1"',
        lastModified: 'Wed, 21 Oct 2026 07:28:00 GMT',
      });
      await harness.store.remember(URL, 'new', { etag: '"2"' });
      assert.deepEqual(await harness.store.recall(URL), { content: 'new', validator: { etag: '"2"' } });
    });

    it('keeps one whole of three told at once', async () => {
      await using harness = await open();
      await Promise.all(numbers(3).map((at) => harness.store.remember(URL, `${at}`, { etag: `"${at}"` })));
      const found = await harness.store.recall(URL);
      assert.deepEqual(found?.validator, { etag: `"${found?.content}"` });
    });

    it('takes URLs as long as signatures make them', async () => {
      await using harness = await open();
      const long = `https://example.com/${'x'.repeat(4000)}`;
      await harness.store.remember(`${long}1`, 'one', { etag: '"1"' });
      assert.equal((await harness.store.recall(`${long}1`))?.content, 'one');
      assert.equal(await harness.store.recall(`${long}2`), undefined);
    });
  });
}
