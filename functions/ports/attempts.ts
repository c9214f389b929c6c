/** Attempts: one small record per key, forgotten an hour after its last change. */
import type { Attempts } from '../model/attempts.ts';

export interface AttemptStore {
  /** In the order of the keys. */
  read(keys: readonly string[]): Promise<Attempts[]>;
  /**
   * Counts one more and returns the new counts. A rest under the same key is not affected. `lapsed` is the token of the
   * lease whose holder seems to have crashed.
   */
  record(key: string, what: 'crash' | 'failure', lapsed?: string): Promise<Attempts>;
  /**
   * The holder of that lease did not crash, although its lease lapsed: that crash is taken back, or will not be counted.
   */
  forgive(key: string, lapsed: string): Promise<void>;
  /**
   * fetch, render, sweep: starts a rest of that length, by the store's clock, and returns its number, from 1. Returns
   * undefined, and changes nothing, during a rest. Of many concurrent calls, exactly one starts it.
   */
  rest(key: string, ms: number): Promise<number | undefined>;
  /** Whether a rest is under way, in the order of the keys. */
  resting(keys: readonly string[]): Promise<boolean[]>;
}
