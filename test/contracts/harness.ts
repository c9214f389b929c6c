import { setTimeout as pause } from 'node:timers/promises';

/** What a contract suite gets for one test: an adapter on its own empty storage, which is removed afterwards. */
export interface Harness<S> extends AsyncDisposable {
  store: S;
}

export interface ContractOptions {
  /** Why the adapter is not available on this machine. */
  skip?: string | false;
}

/** Ends a hanging test. It does not measure speed: emulators on a busy machine are slow. */
export const TIMEOUT_MS = 60_000;

/** Between two looks, `until` pauses this many times as long as the last one took, within these bounds. */
const PAUSE = { times: 4, leastMs: 5, mostMs: 100 };

/** Resolves once `condition` holds. Looks that cost much are few, so that they do not hold up what they wait for. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  limitMs = TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const began = performance.now();
    if (await condition()) return;
    const now = performance.now();
    if (now > deadline) throw new Error(`Expected ${what} within ${limitMs / 1000} s`);
    await pause(Math.min(Math.max((now - began) * PAUSE.times, PAUSE.leastMs), PAUSE.mostMs));
  }
}

/** 0 to count - 1. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
