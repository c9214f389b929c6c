import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { UsageStore } from '../../functions/ports/usage.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';

export interface UsageHarness extends AsyncDisposable {
  /** The store as a process has it whose clock is at that time, in milliseconds since the epoch. */
  at: (now: number) => UsageStore;
}

export function usageContract(
  name: string,
  open: () => Promise<UsageHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} counts what is used`, { timeout: TIMEOUT_MS, ...options }, () => {
    const november = Date.UTC(2026, 10, 30, 23, 59, 59, 999);
    const december = november + 1;

    it('adds up the characters of a month', async () => {
      await using harness = await open();
      const store = harness.at(november);
      assert.deepEqual(await store.speech(), { since: '2026-11-01', bought: 0, saved: 0 });
      await store.addSpeech({ bought: 120 });
      await store.addSpeech({ saved: 7 });
      await store.addSpeech({ bought: 1, saved: 2 });
      assert.deepEqual(await store.speech(), { since: '2026-11-01', bought: 121, saved: 9 });
    });

    it('begins anew with each month in UTC, and forgets none', async () => {
      await using harness = await open();
      await harness.at(november).addSpeech({ bought: 5, saved: 3 });
      await harness.at(december).addSpeech({ bought: 2 });
      assert.deepEqual(await harness.at(november).speech(), { since: '2026-11-01', bought: 5, saved: 3 });
      assert.deepEqual(await harness.at(december).speech(), { since: '2026-12-01', bought: 2, saved: 0 });
    });

    it('loses nothing if several processes count at the same time', async () => {
      await using harness = await open();
      await Promise.all(
        numbers(30).map((at) => harness.at(december).addSpeech({ bought: 10 ** (at % 3), saved: 1 })),
      );
      assert.deepEqual(await harness.at(december).speech(), {
        since: '2026-12-01',
        bought: 1110,
        saved: 30,
      });
    });
  });
}
