/** Looks at the world that many callers ask for. */
import { inTime } from './time-limit.ts';

/**
 * The same look, once at a time, for which nobody waits longer than `ms` milliseconds: one that hangs, as at a dead network
 * disk, must not take up more and more threads. Rejects as the look does, or because it is late.
 */
export function oneAtATime<T>(look: () => Promise<T>, ms: number): () => Promise<T> {
  let running: Promise<T> | undefined;
  return () => {
    running ??= look().finally(() => {
      running = undefined;
    });
    return inTime(running, ms, () => new Error(`Expected an answer within ${ms / 1000} s, got none`));
  };
}

/**
 * The same look, or what was found within the last `ms` milliseconds. An error is not kept.
 * @param now a monotonic clock in milliseconds
 */
export function keptFor<T>(ms: number, look: () => Promise<T>, now = () => performance.now()) {
  let latest: { at: number; found: Promise<T> } | undefined;
  return (): Promise<T> => {
    if (latest !== undefined && now() - latest.at < ms) return latest.found;
    const found = look();
    latest = { at: now(), found };
    found.catch(() => {
      if (latest?.found === found) latest = undefined;
    });
    return found;
  };
}
