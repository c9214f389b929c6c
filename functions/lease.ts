import { setTimeout as sleep } from 'node:timers/promises';
import { isUnforeseen, TransientError } from './errors.ts';
import type { Lease, LeaseStore } from './ports.ts';
import type { Slots } from './slots.ts';

export interface OnceOptions<T> {
  leases: LeaseStore;
  key: string;
  signal: AbortSignal;
  /** Finds the result where someone has made it. */
  look: () => Promise<T | undefined>;
  /**
   * Makes it. The lease is renewed meanwhile and released afterwards, whatever came of it. The signal also fires
   * when the lease is lost: then stop, and save nothing.
   */
  make: (lease: Lease, signal: AbortSignal) => Promise<T>;
  /** Room for `make`; taken before the lease, so that waiting for room holds nobody up. */
  slots?: Slots;
  /** How long to wait for another holder before the message is handed back. */
  patienceMs?: number;
  ttlMs?: number;
}

/**
 * One maker among all processes, the others wait for what it makes and take over when it dies.
 * Throws TransientError 'waiting' when a living holder outlasts the caller's patience.
 */
export async function once<T>(options: OnceOptions<T>): Promise<T> {
  const { leases, key, signal, look, make, slots = (work) => work(), ttlMs = leases.ttlMs } = options;
  const deadline = performance.now() + (options.patienceMs ?? Number.POSITIVE_INFINITY);
  for (;;) {
    const existing = await look();
    if (existing !== undefined) return existing;
    const made = await slots(() =>
      underLease(leases, key, ttlMs, signal, async (lease, held) => {
        // Someone may have made it between our look and our lease.
        return (await look()) ?? (await make(lease, held));
      }),
    );
    if (made !== undefined) return made.value;
    if (performance.now() > deadline) {
      throw new TransientError('waiting', `Someone else is still at ${key}.`);
    }
    await sleep(leases.lookMs, undefined, { signal });
  }
}

/**
 * A note that lapses: true when it was left before, that long ago, and nobody has acted on it since. For what is
 * mended only after it had time to end by itself.
 */
export async function noteLapsed(leases: LeaseStore, key: string, afterMs: number): Promise<boolean> {
  const note = await leases.take(key, afterMs);
  return note !== undefined && note.takes > 1;
}

/** Undefined: a living holder has it, nothing was done. */
async function underLease<T>(
  leases: LeaseStore,
  key: string,
  ttlMs: number,
  signal: AbortSignal,
  work: (lease: Lease, signal: AbortSignal) => Promise<T>,
): Promise<{ value: T } | undefined> {
  signal.throwIfAborted();
  const lease = await leases.take(key, ttlMs);
  if (lease === undefined) return undefined;
  const lost = new AbortController();
  const done = new AbortController();
  const held = AbortSignal.any([signal, lost.signal]);
  const renewing = keepRenewing(leases, lease, ttlMs, done.signal).catch((error: unknown) =>
    lost.abort(error),
  );
  let failed = false;
  try {
    return { value: await work(lease, held) };
  } catch (error) {
    failed = !held.aborted && isUnforeseen(error);
    throw error;
  } finally {
    done.abort();
    await renewing;
    if (!lost.signal.aborted) await leases.release(lease, failed);
  }
}

/** Resolves when `done` fires; rejects when the lease is lost or could not be renewed in time. */
async function keepRenewing(
  leases: LeaseStore,
  lease: Lease,
  ttlMs: number,
  done: AbortSignal,
): Promise<void> {
  let failures = 0;
  for (;;) {
    try {
      await sleep(ttlMs / 3, undefined, { signal: done });
    } catch {
      return;
    }
    try {
      if (!(await leases.renew(lease, ttlMs))) {
        throw new TransientError('lease_lost', `The lease ${lease.key} was taken over by someone else.`);
      }
      failures = 0;
    } catch (error) {
      // One missed renewal leaves time for another; two do not.
      if (TransientError.is(error) || ++failures >= 2) throw error;
    }
  }
}
