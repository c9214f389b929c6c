import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Lease, LeaseStore } from '../../functions/ports.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';

const SHORT_MS = 150;
/** Surely past SHORT_MS, also where the store's clock is another machine's. */
const LAPSE_MS = 400;
const LONG_MS = TIMEOUT_MS;

export function leaseContract(
  name: string,
  open: () => Promise<Harness<LeaseStore>>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps leases`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('gives a free key to the first and to nobody else', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([lease.key, lease.takes, lease.crashes], ['key', 1, 0]);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.ok(await harness.store.take('another key', LONG_MS));
    });

    it('lets exactly one of 50 at once have it', async () => {
      await using harness = await open();
      const leases = await Promise.all(numbers(50).map(() => harness.store.take('key', LONG_MS)));
      assert.equal(leases.filter(Boolean).length, 1);
      assert.deepEqual(await harness.store.read(['key']), [
        { held: true, takes: 1, crashes: 0, failures: 0 },
      ]);
    });

    it('gives a released one out again under a new token, and calls that no crash', async () => {
      await using harness = await open();
      const first = await taken(harness.store, 'key', LONG_MS);
      await harness.store.release(first);
      assert.deepEqual(await harness.store.read(['key']), [
        { held: false, takes: 1, crashes: 0, failures: 0 },
      ]);
      const second = await taken(harness.store, 'key', LONG_MS);
      assert.notEqual(second.token, first.token);
      assert.deepEqual([second.takes, second.crashes], [2, 0]);
    });

    it('counts what was released as failed, apart from crashes', async () => {
      await using harness = await open();
      await harness.store.release(await taken(harness.store, 'key', LONG_MS), true);
      assert.deepEqual(await harness.store.read(['key']), [
        { held: false, takes: 1, crashes: 0, failures: 1 },
      ]);
      const second = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([second.takes, second.crashes, second.failures], [2, 0, 1]);
      await harness.store.release(second);
      assert.equal((await taken(harness.store, 'key', LONG_MS)).failures, 1);
    });

    it('counts a crash when one that was never released is taken over', async () => {
      await using harness = await open();
      await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      assert.deepEqual(await harness.store.read(['key']), [
        { held: false, takes: 1, crashes: 0, failures: 0 },
      ]);
      const second = await taken(harness.store, 'key', SHORT_MS);
      assert.deepEqual([second.takes, second.crashes], [2, 1]);
      await pause(LAPSE_MS);
      const third = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([third.takes, third.crashes], [3, 2]);
      await harness.store.release(third);
      const fourth = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([fourth.takes, fourth.crashes], [4, 2]);
    });

    it('lets exactly one of 50 at once take over, and counts one crash', async () => {
      await using harness = await open();
      await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      const leases = await Promise.all(numbers(50).map(() => harness.store.take('key', LONG_MS)));
      assert.equal(leases.filter(Boolean).length, 1);
      assert.deepEqual(await harness.store.read(['key']), [
        { held: true, takes: 2, crashes: 1, failures: 0 },
      ]);
    });

    it('lasts as long as it is renewed', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', 1500);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
      await pause(1800);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
    });

    it('renews nothing that has lapsed, also where nobody took over', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      assert.equal(await harness.store.renew(lease, LONG_MS), false);
      assert.ok(await harness.store.take('key', LONG_MS));
    });

    it('lets a former holder neither renew nor release it', async () => {
      await using harness = await open();
      const former = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      const lease = await taken(harness.store, 'key', LONG_MS);
      assert.equal(await harness.store.renew(former, LONG_MS), false);
      await harness.store.release(former);
      assert.equal(await harness.store.take('key', LONG_MS), undefined);
      assert.equal(await harness.store.renew(lease, LONG_MS), true);
    });

    it('takes a late release for an orderly end, and a second one for nothing', async () => {
      await using harness = await open();
      const lease = await taken(harness.store, 'key', SHORT_MS);
      await pause(LAPSE_MS);
      await harness.store.release(lease);
      await harness.store.release(lease);
      assert.equal(await harness.store.renew(lease, LONG_MS), false);
      const next = await taken(harness.store, 'key', LONG_MS);
      assert.deepEqual([next.takes, next.crashes], [2, 0]);
    });

    it('reads the state of many in the order asked for, also of those nobody ever took', async () => {
      await using harness = await open();
      await taken(harness.store, 'held/1', LONG_MS);
      await harness.store.release(await taken(harness.store, 'released/ä', LONG_MS));
      assert.deepEqual(await harness.store.read(['released/ä', 'never', 'held/1']), [
        { held: false, takes: 1, crashes: 0, failures: 0 },
        { held: false, takes: 0, crashes: 0, failures: 0 },
        { held: true, takes: 1, crashes: 0, failures: 0 },
      ]);
    });
  });
}

async function taken(store: LeaseStore, key: string, ttlMs: number): Promise<Lease> {
  const lease = await store.take(key, ttlMs);
  assert.ok(lease, `expected ${key} to be free`);
  return lease;
}
