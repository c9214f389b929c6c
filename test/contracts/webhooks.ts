import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asked, type WebhookRecord } from '../../functions/model/webhook.ts';
import type { WebhookStore } from '../../functions/ports/webhooks.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const AT = 1_700_000_000_000;
const ASKED = asked(undefined, AT);

function sampleRecord(changes: Partial<WebhookRecord> = {}): WebhookRecord {
  return {
    ...ASKED,
    attempts: 3,
    tries: 2,
    firstTryAt: AT + 1,
    lastAttemptAt: AT + 2,
    nextTryAt: AT + 3,
    error: 'Expected status 2xx from https://h.example/ö, got 500.',
    ...changes,
  };
}

export interface WebhookHarness extends Harness<WebhookStore> {
  /** The same store, written by someone without the key. */
  forged: WebhookStore;
  /** Overwrites the stored fields that no query uses. */
  spoil(taskId: string, body: string): Promise<void>;
}

export function webhookContract(
  name: string,
  open: () => Promise<WebhookHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps what becomes of events`, { timeout: TIMEOUT_MS, ...options }, () => {
    const newId = () => crypto.randomUUID();

    it('knows nothing of an event that was not asked for, and records nothing about it', async () => {
      await using harness = await open();
      const id = newId();
      assert.equal(await harness.store.record(id, ASKED, sampleRecord()), undefined);
      assert.equal(await harness.store.event(id, async () => 'made'), 'made');
      await harness.store.forget(id);
      assert.equal(await harness.store.read(id), undefined);
      assert.deepEqual(await harness.store.due(AT + 1_000_000, 10), []);
    });

    it('asked for, it is due at once, and not before', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      assert.deepEqual(await harness.store.read(id), ASKED);
      assert.deepEqual(await harness.store.due(AT - 1, 10), []);
      assert.deepEqual(await harness.store.due(AT, 10), [id]);
    });

    it('returns what was recorded, until it is asked for again', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      let before = ASKED;
      for (const changes of [
        {},
        { attempts: 4, state: 'delivered', nextTryAt: null, error: null },
      ] as const) {
        const after = sampleRecord(changes);
        assert.deepEqual(await harness.store.record(id, before, after), after);
        assert.deepEqual(await harness.store.read(id), after);
        before = after;
      }
      assert.deepEqual(await harness.store.due(AT + 1_000_000, 10), []);
      await harness.store.ask(id, AT + 9);
      const again = { state: 'pending', askedAt: AT + 9, nextTryAt: AT + 9, atOnce: true } as const;
      const fresh = { tries: 0, firstTryAt: null };
      assert.deepEqual(await harness.store.read(id), { ...before, ...again, ...fresh });
      await harness.store.forget(id);
      assert.equal(await harness.store.read(id), undefined);
    });

    it('stays due if it is asked for during a delivery, however that ends and whatever the clocks say', async () => {
      await using harness = await open();
      for (const [at, state] of [
        [AT + 5, 'delivered'],
        [AT - 5, 'failed'],
      ] as const) {
        const id = newId();
        await harness.store.ask(id, AT);
        await harness.store.ask(id, at);
        const after = sampleRecord({ state, nextTryAt: null });
        const kept = await harness.store.record(id, ASKED, after);
        assert.deepEqual([kept?.state, kept?.attempts, kept?.nextTryAt], ['pending', 3, at]);
        assert.deepEqual(await harness.store.read(id), kept);
        assert.ok((await harness.store.due(AT + 5, 10)).includes(id));
      }
    });

    it('keeps the record of whoever counted first, so that one who lost the lease overwrites nothing', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      const delivered = sampleRecord({ attempts: 1, state: 'delivered', nextTryAt: null, error: null });
      await harness.store.record(id, ASKED, delivered);
      assert.deepEqual(await harness.store.record(id, ASKED, sampleRecord({ attempts: 1 })), delivered);
      assert.deepEqual(await harness.store.read(id), delivered);
    });

    it('takes what is no record for an event that was asked for and never tried', async () => {
      await using harness = await open();
      const id = newId();
      await harness.store.ask(id, AT);
      const { askedAt, nextTryAt, ...body } = sampleRecord({ lastAttemptAt: 9e15 });
      for (const spoiled of ['', '7', 'null', '{"state":"odd"}', JSON.stringify(body)]) {
        await harness.spoil(id, spoiled);
        assert.deepEqual(await harness.store.read(id), ASKED, spoiled);
      }
      await harness.store.record(id, ASKED, sampleRecord());
      assert.deepEqual(await harness.store.read(id), sampleRecord());
    });

    it('keeps the first text of the event, unless it is not of this service', async () => {
      await using harness = await open();
      const [id, other] = [newId(), newId()];
      for (const one of [id, other]) await harness.store.ask(one, AT);
      const texts = ['{"first":"ö"}', '{"second":1}'];
      const kept = await Promise.all(texts.map((text) => harness.store.event(id, async () => text)));
      assert.ok(texts.includes(kept[0] ?? '') && kept[0] === kept[1], `${kept}`);
      await harness.store.record(id, ASKED, sampleRecord());
      await harness.store.ask(id, AT + 9);
      assert.equal(await harness.store.event(id, () => Promise.reject(new Error('made again'))), kept[0]);
      await harness.forged.event(other, async () => 'forged');
      assert.equal(await harness.store.event(other, async () => 'ours'), 'ours');
    });

    it('finds the events that are due, the longest first, and no more than asked for', async () => {
      await using harness = await open();
      const ids = numbers(4).map(newId);
      for (const [at, id] of ids.entries()) await harness.store.ask(id, AT - at);
      const [first, second, third, fourth] = ids as [string, string, string, string];
      const before = asked(undefined, AT - 1);
      await harness.store.record(second, before, {
        ...before,
        attempts: 1,
        nextTryAt: null,
        state: 'failed',
      });
      assert.deepEqual(await harness.store.due(AT, 10), [fourth, third, first]);
      assert.deepEqual(await harness.store.due(AT, 2), [fourth, third]);
      assert.deepEqual(await harness.store.due(AT, 2, 2), [first]);
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
