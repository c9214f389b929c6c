import { setTimeout as sleep } from 'node:timers/promises';
import { isUnexpected, TransientError } from '../base/errors.ts';
import { type Attempts, NO_ATTEMPTS } from '../model/attempts.ts';
import type { AttemptStore, Lease, LeaseStore } from '../ports.ts';
import { type Semaphore, UNLIMITED } from './fair-semaphore.ts';

export interface OnceOptions<T> {
  leases: LeaseStore;
  /** Where crashes and failures of the work are counted, under the same key; absent: nobody asks for them. */
  attempts?: AttemptStore;
  key: string;
  signal: AbortSignal;
  /** Finds the result where someone has made it. */
  find: () => Promise<T | undefined>;
  /**
   * Makes it. `before` counts the earlier attempts. The lease is renewed meanwhile and released afterwards, whatever the
   * outcome. The signal also fires when the lease is lost: then stop, and save nothing. `release` gives the room back
   * before the lease.
   */
  create: (before: Attempts, signal: AbortSignal, release: () => void) => Promise<T>;
  /** Room for `create`; taken before the lease, so that waiting for room holds nobody up. */
  semaphore?: Semaphore;
  /** How long to wait for another holder before the message is handed back. */
  patienceMs?: number;
  ttlMs?: number;
}

/**
 * One maker among all processes; the others wait for what it makes and take over when it dies.
 * Throws TransientError 'waiting' when a living holder outlasts the caller's patience.
 */
export async function once<T>(options: OnceOptions<T>): Promise<T> {
  const { leases, attempts, key, signal, find, create, semaphore = UNLIMITED } = options;
  const { ttlMs = leases.ttlMs } = options;
  const deadline = performance.now() + (options.patienceMs ?? Number.POSITIVE_INFINITY);
  let refused = false;
  for (;;) {
    const existing = await find();
    if (existing !== undefined) return existing;
    // A read costs a store less than trying to take what is held.
    const held = refused && (await isHeld(leases, key));
    const made = held
      ? undefined
      : await semaphore((release) =>
          underLease({ leases, attempts, key, ttlMs, signal }, async (before, own) => {
            // Someone may have made it between our look and our lease.
            return (await find()) ?? (await create(before, own, release));
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

async function isHeld(leases: LeaseStore, key: string): Promise<boolean> {
  return (await leases.read([key]))[0] === 'held';
}

/**
 * Room for so much work at a time among all processes: each of the leases `keyOf(1)`, `keyOf(2)` ... is one place.
 * `count` is asked at each look; null: no limit.
 */
export function leasedSemaphore(
  leases: LeaseStore,
  keyOf: (place: number) => string,
  count: () => number | null,
  signal: AbortSignal,
): Semaphore {
  const { ttlMs } = leases;
  return async (work) => {
    for (;;) {
      const places = count();
      if (places === null) return UNLIMITED(work);
      // Each begins elsewhere, so that many do not all ask for the same one.
      const first = Math.floor(Math.random() * places);
      for (let at = 0; at < places; at++) {
        const key = keyOf(1 + ((first + at) % places));
        const done = await underLease({ leases, key, ttlMs, signal }, () => UNLIMITED(work));
        if (done !== undefined) return done.value;
      }
      await sleep(leases.pollMs, undefined, { signal });
    }
  };
}

interface UnderLeaseOptions {
  leases: LeaseStore;
  attempts?: AttemptStore | undefined;
  key: string;
  ttlMs: number;
  signal: AbortSignal;
}

/** Undefined: a living holder has it, nothing was done. */
async function underLease<T>(
  { leases, attempts, key, ttlMs, signal }: UnderLeaseOptions,
  work: (before: Attempts, signal: AbortSignal) => Promise<T>,
): Promise<{ value: T } | undefined> {
  signal.throwIfAborted();
  const takenAt = performance.now();
  const lease = await leases.take(key, ttlMs);
  if (lease === undefined) return undefined;
  const { previous } = lease;
  const lost = new AbortController();
  const done = new AbortController();
  const held = AbortSignal.any([signal, lost.signal]);
  const renewing = keepRenewing(leases, lease, ttlMs, takenAt, done.signal).catch((error: unknown) =>
    lost.abort(error),
  );
  /** What could not be counted leaves the lease to lapse: whoever takes it over counts a crash. */
  let uncounted = false;
  const count = async (store: AttemptStore, what: 'crash' | 'failure'): Promise<Attempts> => {
    uncounted = true;
    const counted = await store.record(key, what);
    uncounted = false;
    return counted;
  };
  try {
    return { value: await work(await attemptsBefore(), held) };
  } catch (error) {
    const failed = attempts !== undefined && !uncounted && !held.aborted && isUnexpected(error);
    if (failed) await count(attempts, 'failure').catch(() => {});
    throw error;
  } finally {
    done.abort();
    await renewing;
    // No effect where it was taken over. Where it fails the lease lapses, and the outcome of the work stands.
    if (!uncounted) await leases.release(lease).catch(() => {});
  }

  async function attemptsBefore(): Promise<Attempts> {
    if (attempts === undefined || previous === 'none') return NO_ATTEMPTS;
    if (previous === 'lapsed') return count(attempts, 'crash');
    return (await attempts.read([key]))[0] ?? NO_ATTEMPTS;
  }
}

/** Share of its time in which a holder that could not renew must stop, before another one takes over. */
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
