/** A rate that all processes keep to together, once a vendor has asked for fewer requests. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../base/errors.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { Memo } from '../ports/memo.ts';
import { paceKey, paceTurnKey } from './lease-keys.ts';

export interface SharedPaceOptions {
  memo: Memo;
  attempts: Pick<AttemptStore, 'rest'>;
  /** Of the vendor. */
  name: string;
  /** Called when this process has lowered the rate, with requests a second. */
  onLowered?: (perSecond: number) => void;
  /** Milliseconds since the epoch. */
  now?: () => number;
}

export interface SharedPace {
  /**
   * Resolves when the next request may be sent: at once, unless the vendor has refused some lately. Rejects with the signal's
   * reason.
   */
  turn(signal: AbortSignal): Promise<void>;
  /** The vendor has refused a request, because there were too many. */
  refused(): Promise<void>;
}

/** The rate after the first refusal. Drive is said to allow about three writes a second and account. */
const FIRST = 3;
/** Half of it after each further refusal, down to one request in ten seconds. */
const LEAST = 0.1;
/** It grows again by itself, and from this rate on nobody waits for a turn. */
const FREE = 24;
const DOUBLED_AFTER_MS = 60_000;
/** Refusals of requests that were under way already do not lower it once more. */
const SETTLED_AFTER_MS = 2_000;
/** How long a process goes by the rate that it has read. */
const READ_AGAIN_MS = 5_000;

/** Requests a second at that time, in milliseconds since the epoch. */
interface Rate {
  perSecond: number;
  at: number;
}

/** While nobody is refused, this costs one read in five seconds and process. */
export function createSharedPace(options: SharedPaceOptions): SharedPace {
  const { memo, attempts, name, onLowered, now = Date.now } = options;
  let known: { rate: Rate | undefined; readAt: number } | undefined;

  async function read(): Promise<Rate | undefined> {
    const [text] = await memo.recall([paceKey(name)]);
    known = { rate: rateIn(text, now()), readAt: now() };
    return known.rate;
  }

  /** Undefined: no limit. */
  async function perSecond(): Promise<number | undefined> {
    const isFresh = known !== undefined && Math.abs(now() - known.readAt) < READ_AGAIN_MS;
    const rate = isFresh ? known?.rate : await read();
    const current = rate === undefined ? FREE : grown(rate, now());
    return current < FREE ? current : undefined;
  }

  return {
    async turn(signal) {
      for (;;) {
        signal.throwIfAborted();
        // Requests that are refused are sent again; a store that is away is no reason to send none.
        const limit = await perSecond().catch(unlessTransient);
        if (limit === undefined) return;
        // Of several places, each takes less than one write a second, which a document of Firestore sustains.
        const places = Math.ceil(limit);
        const restMs = Math.ceil((places / limit) * 1_000);
        const place = Math.floor(Math.random() * places);
        const turn = await attempts.rest(paceTurnKey(name, place), restMs).catch(unlessTransient);
        if (turn !== undefined) return;
        await sleep(restMs * Math.random(), undefined, { signal });
      }
    },

    async refused() {
      const rate = await read();
      const at = now();
      if (rate !== undefined && at - rate.at < SETTLED_AFTER_MS) return;
      const before = Math.min(2 * FIRST, rate === undefined ? FREE : grown(rate, at));
      const lowered: Rate = { perSecond: Math.max(LEAST, before / 2), at };
      await memo.remember(paceKey(name), JSON.stringify(lowered));
      known = { rate: lowered, readAt: at };
      onLowered?.(lowered.perSecond);
    },
  };
}

function grown({ perSecond, at }: Rate, now: number): number {
  return perSecond * 2 ** (Math.max(0, now - at) / DOUBLED_AFTER_MS);
}

/** Undefined for anything else, so that a damaged record limits nothing, nor one of before the clock was set back. */
function rateIn(text: string | undefined, now: number): Rate | undefined {
  try {
    const rate = JSON.parse(text ?? '') as Rate | null;
    return rate !== null && rate.perSecond > 0 && rate.at < now + SETTLED_AFTER_MS ? rate : undefined;
  } catch {
    return undefined;
  }
}

function unlessTransient(error: unknown): undefined {
  if (!TransientError.is(error)) throw error;
  return undefined;
}
