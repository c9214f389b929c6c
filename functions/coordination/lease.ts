/** Work under a lease: it is renewed meanwhile, the work stops if it is lost, and it is released in any case. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isShortage, isUnexpected, TransientError } from '../base/errors.ts';
import { type Attempts, NO_ATTEMPTS } from '../model/attempts.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { Lease, LeaseStore } from '../ports/leases.ts';

export interface UnderLeaseOptions {
  leases: LeaseStore;
  attempts?: AttemptStore | undefined;
  key: string;
  ttlMs: number;
  holder?: string | undefined;
  signal: AbortSignal;
}

/** Returns undefined, without running the work, if a living holder has the lease. */
export async function underLease<T>(
  { leases, attempts, key, ttlMs, holder, signal }: UnderLeaseOptions,
  work: (before: Attempts, signal: AbortSignal) => Promise<T>,
): Promise<{ value: T } | undefined> {
  signal.throwIfAborted();
  const takenAt = performance.now();
  const lease = await leases.take(key, ttlMs, holder);
  if (lease === undefined) return undefined;
  const { previous, lapsed } = lease;
  const lost = new AbortController();
  const done = new AbortController();
  const held = AbortSignal.any([signal, lost.signal]);
  const renewing = keepRenewing(leases, lease, ttlMs, takenAt, done.signal).catch((error: unknown) =>
    lost.abort(error),
  );
  /**
   * Set if an attempt could not be counted. The lease is then left to lapse, so that the next holder counts a crash.
   */
  let uncounted = false;
  const count = async (
    store: AttemptStore,
    what: 'crash' | 'failure',
    lapsed?: string,
  ): Promise<Attempts> => {
    uncounted = true;
    const counted = await store.record(key, what, lapsed);
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
    // The outcome of the work stands, whatever becomes of the lease.
    if (!uncounted) await leases.release(lease).catch(() => endLater({ leases, attempts, lease }));
  }

  async function attemptsBefore(): Promise<Attempts> {
    if (attempts === undefined || previous === 'none') return NO_ATTEMPTS;
    if (previous === 'lapsed') return count(attempts, 'crash', lapsed);
    return (await attempts.read([key]))[0] ?? NO_ATTEMPTS;
  }
}

/** A holder that could not renew stops when this share of the lease time is left, before another one takes over. */
const STOP_WITHIN = 0.1;

/** Resolves when `done` fires. Rejects if the lease is lost or, for any reason, was not renewed in time. */
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
    // The race ends the lease in time even if the store does not answer.
    const answer = await Promise.race([renewal(leases, lease, ttlMs), after(oursUntil - askedAt, done)]);
    switch (answer) {
      case 'done':
        return;
      case 'renewed':
        oursUntil = askedAt + ttlMs * (1 - STOP_WITHIN);
        pauseMs = ttlMs / 3;
        break;
      case 'lost':
        throw new TransientError('lease_lost', `The lease ${lease.key} has lapsed, or has another holder.`);
      case 'late':
        throw notRenewed(lease);
      default: {
        // A store that fails at once, such as a full disk, is always quicker than the end of the lease.
        const leftMs = oursUntil - performance.now();
        if (leftMs <= 0) throw notRenewed(lease, answer.failed);
        pauseMs = Math.min(ttlMs / 10, leftMs);
        break;
      }
    }
  }
}

/** A full disk speaks for itself: it is told once, and no delivery is counted for it. */
function notRenewed({ key }: Lease, cause?: unknown): unknown {
  if (isShortage(cause)) return cause;
  return new TransientError('lease_lost', `The lease ${key} could not be renewed in time.`, { cause });
}

async function renewal(
  leases: LeaseStore,
  lease: Lease,
  ttlMs: number,
): Promise<'renewed' | 'lost' | { failed: unknown }> {
  try {
    return (await leases.renew(lease, ttlMs)) ? 'renewed' : 'lost';
  } catch (failed) {
    return { failed };
  }
}

async function after(ms: number, done: AbortSignal): Promise<'late' | 'done'> {
  return sleep(Math.max(0, ms), 'late' as const, { signal: done }).catch(() => 'done' as const);
}

/** Shorter than a lease, so that hardly any lapses while the store is there. */
const RELEASE_EVERY_MS = 2_000;
/** As long as crashes are remembered. */
const RELEASE_FOR_MS = 24 * 3_600_000;

interface Ended {
  leases: LeaseStore;
  attempts: AttemptStore | undefined;
  lease: Lease;
}

/**
 * The work has ended, but the store did not take the release. Records that it ended in order, so that the next holder
 * counts no crash, and repeats both for as long as this process lives.
 */
async function endLater({ leases, attempts, lease }: Ended): Promise<void> {
  const { key, token } = lease;
  let recorded = false;
  const record = async () => {
    recorded ||=
      (await attempts?.forgive(key, token).then(
        () => true,
        () => false,
      )) ?? true;
  };
  const repeat = async () => {
    const until = performance.now() + RELEASE_FOR_MS;
    while (performance.now() < until) {
      // Does not keep a process alive that has nothing else to do.
      await sleep(RELEASE_EVERY_MS, undefined, { ref: false });
      const released = await leases.release(lease).catch(() => undefined);
      if (released) return;
      // Another process may have taken the lease and counted a crash.
      await record();
      if (recorded && released === false) return;
    }
  };
  await record();
  void repeat();
}
