/** How long work takes, without what it waits for: places that others have, and others that make the same. */
import { AsyncLocalStorage } from 'node:async_hooks';

const current = new AsyncLocalStorage<{ waitedMs: number }>();

/** Runs `work` and measures it. What waits within it says so by `waiting`. */
export async function workingTime<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const own = { waitedMs: 0 };
  const began = performance.now();
  const value = await current.run(own, work);
  // Waits at the same time count one by one, so they may be longer together than the work.
  const ms = Math.max(0, performance.now() - began - own.waitedMs);
  return { value, seconds: Math.round(ms) / 1000 };
}

/** Does not count as work. */
export async function waiting<T>(wait: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await wait();
  } finally {
    const own = current.getStore();
    if (own !== undefined) own.waitedMs += performance.now() - began;
  }
}
