/** Answers wrong keys of one address later and later. The right key never comes here, so no one is locked out. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';

export interface WrongKeys {
  /** Waits as long as this mistake costs and returns 0; or returns at once, with the seconds to wait, at least 1. */
  add(caller: string, signal: AbortSignal): Promise<number>;
}

export interface WrongKeysOptions {
  /** Called when an address begins to wait. */
  onDelay: (caller: string) => void;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
  /** How many answers wait at the same time, of all addresses. */
  held?: number;
}

interface Mistakes {
  count: number;
  /** When the last answer went out, or will. */
  until: number;
}

/** Everyone mistypes. */
const FREE_MISTAKES = 5;
const FIRST_DELAY_MS = 1_000;
/** Shorter than the patience of proxies and than the time limit for a whole request. */
const LONGEST_DELAY_MS = 16_000;
const FORGIVEN_AFTER_MS = 15 * 60_000;
/** Takes one to two megabytes. */
const CALLERS = 10_000;
/** A small share of the connections that may be open. */
const HELD = 32;

export function createWrongKeys(options: WrongKeysOptions): WrongKeys {
  const { onDelay, now = () => performance.now(), held: places = HELD } = options;
  const mistakes = new LRUCache<string, Mistakes>({ max: CALLERS });
  let held = 0;
  return {
    async add(caller, signal) {
      const at = now();
      const { count, until } = mistakes.get(caller) ?? { count: 0, until: at };
      if (at < until) return seconds(until - at);
      const nth = at - until > FORGIVEN_AFTER_MS ? 1 : count + 1;
      const delay = delayOf(nth);
      mistakes.set(caller, { count: nth, until: at + delay });
      if (delay === 0) return 0;
      if (nth === FREE_MISTAKES + 1) onDelay(caller);
      if (held >= places) return seconds(delay);
      held++;
      // A caller who hangs up frees the place, but the address goes on waiting.
      await sleep(delay, undefined, { signal, ref: false }).catch(() => {});
      held--;
      return 0;
    },
  };
}

function delayOf(nth: number): number {
  return nth <= FREE_MISTAKES
    ? 0
    : Math.min(FIRST_DELAY_MS * 2 ** (nth - FREE_MISTAKES - 1), LONGEST_DELAY_MS);
}

function seconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
