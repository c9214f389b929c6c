import { setTimeout as sleep } from 'node:timers/promises';
import { isUnexpected, TransientError } from '../base/errors.ts';
import type { Lease, LeaseStore } from '../ports.ts';
import { type Semaphore, UNLIMITED } from './fair-semaphore.ts';

export interface OnceOptions<T> {
  leases: LeaseStore;
  key: string;
  signal: AbortSignal;
  /** Finds the result where someone has made it. */
  find: () => Promise<T | undefined>;
  /**
   * Makes it. The lease is renewed meanwhile and released afterwards, whatever came of it. The signal also fires
   * when the lease is lost: then stop, and save nothing. `release` gives the room back before the lease.
   */
  create: (lease: Lease, signal: AbortSignal, release: () => void) => Promise<T>;
  /** Room for `create`; taken before the lease, so that waiting for room holds nobody up. */
  semaphore?: Semaphore;
  /** How long to wait for another holder before the message is handed back. */
  patienceMs?: number;
  ttlMs?: number;
}

/**
 * One maker among all processes, the others wait for what it makes and take over when it dies.
 * Throws TransientError 'waiting' when a living holder outlasts the caller's patience.
 */
export async function once<T>(options: OnceOptions<T>): Promise<T> {
  const { leases, key, signal, find, create, semaphore = UNLIMITED, ttlMs = leases.ttlMs } = options;
  const deadline = performance.now() + (options.patienceMs ?? Number.POSITIVE_INFINITY);
  let refused = false;
  for (;;) {
    const existing = await find();
    if (existing !== undefined) return existing;
    // Looking costs a store less than trying to take what is held.
    const held = refused && (await isHeld(leases, key));
    const made = held
      ? undefined
      : await semaphore((release) =>
          underLease(leases, key, ttlMs, signal, async (lease, own) => {
            // Someone may have made it between our look and our lease.
            return (await find()) ?? (await create(lease, own, release));
          }),
        );
    if (made !== undefined) return made.value;
    refused = true;
    if (performance.now() > deadline) {
      throw new TransientError('waiting', `Someone else is still at ${key}.`);
    }
    await sleep(leases.pollMs, undefined, { signal });
  }
}

/**
 * A note that lapses: true when it was left before, that long ago, and nobody has acted on it since. For what is
 * mended only after it had time to end by itself.
 */
export async function noteLapsed(leases: LeaseStore, key: string, afterMs: number): Promise<boolean> {
  if (await isHeld(leases, key)) return false;
  const note = await leases.take(key, afterMs);
  return note !== undefined && note.takes > 1;
}

async function isHeld(leases: LeaseStore, key: string): Promise<boolean> {
  return (await leases.read([key]))[0]?.held === true;
}

/**
 * Room for so much work at a time among all processes: whoever has one of the leases `prefix/1`, `prefix/2` ... is in.
 * `count` is asked at each look; null: no limit.
 */
export function leasedSemaphore(
  leases: LeaseStore,
  prefix: string,
  count: () => number | null,
  signal: AbortSignal,
): Semaphore {
  return async (work) => {
    for (;;) {
      const places = count();
      if (places === null) return UNLIMITED(work);
      // Each begins elsewhere, so that many do not all ask for the same one.
      const first = Math.floor(Math.random() * places);
      for (let at = 0; at < places; at++) {
        const place = 1 + ((first + at) % places);
        const done = await underLease(leases, `${prefix}/${place}`, leases.ttlMs, signal, () =>
          UNLIMITED(work),
        );
        if (done !== undefined) return done.value;
      }
      await sleep(leases.pollMs, undefined, { signal });
    }
  };
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
  const takenAt = performance.now();
  const lease = await leases.take(key, ttlMs);
  if (lease === undefined) return undefined;
  const lost = new AbortController();
  const done = new AbortController();
  const held = AbortSignal.any([signal, lost.signal]);
  const renewing = keepRenewing(leases, lease, ttlMs, takenAt, done.signal).catch((error: unknown) =>
    lost.abort(error),
  );
  let failed = false;
  try {
    return { value: await work(lease, held) };
  } catch (error) {
    failed = !held.aborted && isUnexpected(error);
    throw error;
  } finally {
    done.abort();
    await renewing;
    // Where it was taken over this has no effect. Where it fails the lease lapses, and what came of the work stands.
    await leases.release(lease, failed).catch(() => {});
  }
}

/** So much of its time is left to a holder that cannot renew: to stop before another one takes over. */
const STOP_WITHIN = 0.1;

/** Resolves when `done` fires; rejects when the lease is lost, or was not renewed in time, whatever the reason. */
async function keepRenewing(
  leases: LeaseStore,
  lease: Lease,
  ttlMs: number,
  takenAt: number,
  done: AbortSignal,
): Promise<void> {
  let oursUntil = takenAt + ttlMs * (1 - STOP_WITHIN);
  let pauseMs = ttlMs / 3;
  for (;;) {
    if ((await after(pauseMs, done)) === 'done') return;
    const askedAt = performance.now();
    // A store that does not answer must not make us believe that it is still ours.
    const answer = await Promise.race([renewal(leases, lease, ttlMs), after(oursUntil - askedAt, done)]);
    switch (answer) {
      case 'done':
        return;
      case 'renewed':
        oursUntil = askedAt + ttlMs * (1 - STOP_WITHIN);
        pauseMs = ttlMs / 3;
        break;
      case 'lost':
        throw new TransientError('lease_lost', `The lease ${lease.key} was taken over by someone else.`);
      case 'late':
        throw new TransientError('lease_lost', `The lease ${lease.key} could not be renewed in time.`);
      case 'unclear':
        pauseMs = ttlMs / 10;
        break;
    }
  }
}

async function renewal(
  leases: LeaseStore,
  lease: Lease,
  ttlMs: number,
): Promise<'renewed' | 'lost' | 'unclear'> {
  try {
    return (await leases.renew(lease, ttlMs)) ? 'renewed' : 'lost';
  } catch {
    return 'unclear';
  }
}

async function after(ms: number, done: AbortSignal): Promise<'late' | 'done'> {
  return sleep(Math.max(0, ms), 'late' as const, { signal: done }).catch(() => 'done' as const);
}
