import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lease, LeaseStore } from '../../functions/ports/leases.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const SHORT_MS = 150;
/** Longer than SHORT_MS, with a margin because the store may use the clock of another machine. */
const LAPSE_MS = 400;
const LONG_MS = TIMEOUT_MS;

export function leaseContract(
  name: string,
  open: () => Promise<Harness<LeaseStore>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps leases`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('gives a free key to the first caller only', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([lease.key, lease.previous], ['key', 'none']);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.ok(await harness.store.take('another key', LONG_MS));
    });

    it('gives the lease to exactly one of 50 concurrent callers', async () => {
      await using harness = await open();
      const leases = await Promise.all(numbers(50).map(() => harness.store.take('key', LONG_MS)));
      assert.equal(leases.filter(Boolean).length, 1);
      assert.deepEqual(await harness.store.read(['key']), ['held']);
    });

    it('grants a released lease again with a new token, and says that it was released', async () => {
      await using harness = await open();
      const first = await taken(harness.store, 'key', LONG_MS);
      await harness.store.release(first);
      assert.deepEqual(await harness.store.read(['key']), ['released']);
      const second = await taken(harness.store, 'key', LONG_MS);
      assert.notEqual(second.token, first.token);
      assert.equal(second.previous, 'released');
    });

    it('reports for each takeover that the previous lease had lapsed', async () => {
      await using harness = await open();
      await taken(harness.store, 'key', SHORT_MS);
      for (const ttlMs of [SHORT_MS, LONG_MS]) {
        await pause(LAPSE_MS);
        assert.deepEqual(await harness.store.read(['key']), ['lapsed']);
        const next = await taken(harness.store, 'key', ttlMs);
        assert.equal(next.previous, 'lapsed');
        if (ttlMs === LONG_MS) await harness.store.release(next);
      }
      assert.equal((await taken(harness.store, 'key', LONG_MS)).previous, 'released');
    });

    it('says which lease had lapsed, and whether a release came in time', async () => {
      await using harness = await open();
      const dead = await taken(harness.store, 'key', SHORT_MS);
      assert.equal(dead.lapsed, undefined);
      await pause(LAPSE_MS);
      const next = await taken(harness.store, 'key', LONG_MS);
      assert.equal(next.lapsed, dead.token);
      assert.equal(await harness.store.release(dead), false);
      assert.equal(await harness.store.release(next), true);
      assert.equal((await taken(harness.store, 'key', LONG_MS)).lapsed, undefined);
    });

    it('lets exactly one of 50 concurrent callers take over', async () => {
      await using harness = await open();
      await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      const leases = await Promise.all(numbers(50).map(() => harness.store.take('key', LONG_MS)));
      assert.deepEqual(
        leases.flatMap((lease) => lease?.previous ?? []),
        ['lapsed'],
      );
      assert.deepEqual(await harness.store.read(['key']), ['held']);
    });

    it('lasts as long as it is renewed', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', 1500);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
      await pause(1800);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
    });

    it('does not renew a lapsed lease, even if no one has taken over', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      assert.equal(await harness.store.renew(lease, LONG_MS), false);
      assert.deepEqual(await harness.store.read(['key']), ['lapsed']);
      assert.ok(await harness.store.take('key', LONG_MS));
    });

    it('lets a former holder neither renew nor release the lease', async () => {
      await using harness = await open();
      const former = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      const lease = await taken(harness.store, 'key', LONG_MS);
      assert.equal(await harness.store.renew(former, LONG_MS), false);
      await harness.store.release(former);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
    });

    it('accepts a late release as an orderly end, and ignores a second one', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      await harness.store.release(lease);
      await harness.store.release(lease);
      assert.equal(await harness.store.renew(lease, LONG_MS), false);
      const next = await taken(harness.store, 'key', LONG_MS);
      assert.equal(next.previous, 'released');
    });

    it('says who has a lease, as long as somebody has', async () => {
      await using harness = await open();
      const { store } = harness;
      assert.equal(await store.holderOf('key'), undefined);
      const lease = await store.take('key', LONG_MS, 'message 7');
      assert.ok(lease);
      assert.equal(await store.take('key', LONG_MS, 'message 8'), undefined);
      assert.equal(await store.holderOf('key'), 'message 7');
      assert.ok(await store.renew(lease, LONG_MS));
      assert.equal(await store.holderOf('key'), 'message 7');
      await store.release(lease);
      assert.equal(await store.holderOf('key'), undefined);
      assert.ok(await store.take('key', SHORT_MS));
      assert.equal(await store.holderOf('key'), '');
      await pause(LAPSE_MS);
      assert.equal(await store.holderOf('key'), undefined);
    });

    it('reads the states of many keys in the requested order, including keys that were never taken', async () => {
      await using harness = await open();
      await taken(harness.store, 'held/1', LONG_MS);
      await harness.store.release(await taken(harness.store, 'released/ä', LONG_MS));
      assert.deepEqual(await harness.store.read([]), []);
      assert.deepEqual(await harness.store.read(['released/ä', 'never', 'held/1']), [
        'released',
        'none',
        'held',
      ]);
    });
  });
}

async function taken(store: LeaseStore, key: string, ttlMs: number): Promise<Lease> {
  const lease = await store.take(key, ttlMs);
  assert.ok(lease, `expected ${key} to be free`);
  return lease;
}
