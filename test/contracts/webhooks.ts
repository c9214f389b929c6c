import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asked, type WebhookRecord } from '../../functions/model/webhook.ts';
import type { WebhookStore } from '../../functions/ports.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const AT = 1_700_000_000_000;

function sampleRecord(changes: Partial<WebhookRecord> = {}): WebhookRecord {
  return {
    ...asked(undefined, AT),
    attempts: 3,
    tries: 2,
    firstTryAt: AT + 1,
    lastAttemptAt: AT + 2,
    nextTryAt: AT + 3,
    error: 'Expected status 2xx from https://h.example/ö, got 500.',
    ...changes,
  };
}

export function webhookContract(
  name: string,
  open: () => Promise<Harness<WebhookStore>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps what becomes of events`, { timeout: TIMEOUT_MS, ...options }, () => {
    const newId = () => crypto.randomUUID();

    it('knows nothing of an event that was not asked for, and records nothing about it', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.record(id, sampleRecord());
      await harness.store.forget(id);
      assert.equal(await harness.store.read(id), undefined);
      assert.deepEqual(await harness.store.due(AT + 1_000_000, 10), []);
    });

    it('asked for, it is due at once, and not before', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      assert.deepEqual(await harness.store.read(id), asked(undefined, AT));
      assert.deepEqual(await harness.store.due(AT - 1, 10), []);
      assert.deepEqual(await harness.store.due(AT, 10), [id]);
    });

    it('returns what was recorded, except for when it was asked for, which only asking changes', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      for (const changes of [{}, { state: 'delivered', nextTryAt: null, error: null }] as const) {
        await harness.store.record(id, sampleRecord({ ...changes, askedAt: AT - 5 }));
        assert.deepEqual(await harness.store.read(id), sampleRecord(changes));
      }
      assert.deepEqual(await harness.store.due(AT + 1_000_000, 10), []);
      await harness.store.ask(id, AT + 9);
      const again = sampleRecord({ state: 'pending', askedAt: AT + 9, nextTryAt: AT + 9, error: null });
      assert.deepEqual(await harness.store.read(id), again);
      await harness.store.forget(id);
      assert.equal(await harness.store.read(id), undefined);
    });

    it('finds the events that are due, the longest first, and no more than asked for', async () => {
      await using harness = await open();
      const ids = numbers(4).map(newId);
      for (const [at, id] of ids.entries()) await harness.store.ask(id, AT - at);
      await harness.store.record(ids[1] as string, sampleRecord({ nextTryAt: null, state: 'failed' }));
      const [first, , third, fourth] = ids;
      assert.deepEqual(await harness.store.due(AT, 10), [fourth, third, first]);
      assert.deepEqual(await harness.store.due(AT, 2), [fourth, third]);
      assert.deepEqual(await harness.store.due(AT - 2, 10), [fourth, third]);
    });

    it('takes several callers who ask at the same time', async () => {
      await using harness = await open();
      const id = newId();
      await Promise.all(numbers(4).map((at) => harness.store.ask(id, AT + at)));
      const record = await harness.store.read(id);
      assert.deepEqual([record?.state, record?.attempts], ['pending', 0]);
      assert.deepEqual(await harness.store.due(AT + 4, 10), [id]);
    });
  });
}
