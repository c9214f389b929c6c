/** Work that one process does while the others wait, go on, or get its result. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../base/errors.ts';
import { beginWait } from '../base/telemetry/spans.ts';
import type { Attempts } from '../model/attempts.ts';
import type { LeaseState } from '../model/lease-state.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import { underLease } from './lease.ts';
import { type Semaphore, UNLIMITED } from './semaphore.ts';

export interface OnceOptions<T> {
  leases: LeaseStore;
  /** Counts crashes and failures of the work, under the same key. They are not counted if absent. */
  attempts?: AttemptStore;
  key: string;
  signal: AbortSignal;
  /** Returns the result if it already exists. */
  find: () => Promise<T | undefined>;
  /**
   * Makes the result. `before` counts the earlier attempts. The lease is renewed meanwhile and always released
   * afterwards. The signal also fires when the lease is lost: then stop, and save nothing. `release` leaves the
   * semaphore before the lease is released.
   */
  create: (before: Attempts, signal: AbortSignal, release: () => void) => Promise<T>;
  /** Limits `create`. Entered before the lease is taken, so that no lease is held while waiting for room. */
  semaphore?: Semaphore;
  /** How long to wait for another holder before throwing 'waiting'. */
  patienceMs?: number;
  ttlMs?: number;
}

/**
 * Lets one process make the result. The others wait for it, and take over if that process dies.
 * Throws TransientError 'waiting' if a living holder takes longer than `patienceMs`.
 */
export async function once<T>(options: OnceOptions<T>): Promise<T> {
  const { leases, attempts, key, signal, find, create, semaphore = UNLIMITED } = options;
  const { ttlMs = leases.ttlMs } = options;
  const deadline = performance.now() + (options.patienceMs ?? Number.POSITIVE_INFINITY);
  let refused = false;
  for (;;) {
    const existing = await find();
    if (existing !== undefined) return existing;
    // Reading costs a store less than trying to take a held lease.
    const held = refused && (await isHeld(leases, key));
    const made = held
      ? undefined
      : await semaphore((release) =>
          underLease({ leases, attempts, key, ttlMs, signal }, async (before, own) => {
            // Another process may have made it between the check above and this lease.
            return (await find()) ?? (await create(before, own, release));
          }),
        );
    if (made !== undefined) return made.value;
    refused = true;
    if (performance.now() > deadline) {
      throw new TransientError('waiting', `Another process is still working on ${key}.`);
    }
    await sleep(leases.pollMs, undefined, { signal });
  }
}

export interface MessageWork<T> extends Omit<OnceOptions<T>, 'patienceMs' | 'semaphore' | 'ttlMs'> {
  /** As Delivery.messageId: the name of the lease's holder. */
  messageId: string | undefined;
  /** As OnceOptions.semaphore, for work whose lease was in that state. */
  room?: (lease: LeaseState) => Semaphore;
}

/**
 * Lets one message make the result, without waiting. Returns undefined if the handler of another message is at it: that
 * message is still out, and comes again if its process dies. Throws TransientError 'waiting' if it is this very message
 * that is being handled: its process may have died, and nothing but the next delivery would notice.
 */
export async function byOneMessage<T>(work: MessageWork<T>): Promise<T | undefined> {
  const { leases, key, messageId } = work;
  const here = inThisProcess(leases);
  const earlier = here.get(key);
  if (earlier !== undefined) {
    // The lease first: it may be in this message's own name, of a process that has died. And the earlier message may have lost
    // its lease without noticing, for example while the machine slept.
    const holder = await leases.holderOf(key);
    const other = holder ?? (earlier.hasLease ? undefined : (earlier.messageId ?? ''));
    if (other !== undefined) return leaveTo(other, work);
  }
  const own: AtWork = { messageId, hasLease: false };
  here.set(key, own);
  try {
    return await takingTheLease(work, own);
  } finally {
    if (here.get(key) === own) here.delete(key);
  }
}

/** Work may wait for room before it takes its lease. Until then, only its process knows that a message is at it. */
interface AtWork {
  messageId: string | undefined;
  hasLease: boolean;
}

const atWork = new WeakMap<LeaseStore, Map<string, AtWork>>();

function inThisProcess(leases: LeaseStore): Map<string, AtWork> {
  const known = atWork.get(leases) ?? new Map<string, AtWork>();
  atWork.set(leases, known);
  return known;
}

async function takingTheLease<T>(work: MessageWork<T>, own: AtWork): Promise<T | undefined> {
  const { leases, key, messageId, signal, find, create, room = () => UNLIMITED } = work;
  for (;;) {
    const existing = await find();
    if (existing !== undefined) return existing;
    const [lease = 'none'] = await leases.read([key]);
    // Others leave at once, instead of waiting for room.
    const made =
      lease === 'held'
        ? undefined
        : await room(lease)((release) =>
            underLease({ ...work, ttlMs: leases.ttlMs, holder: messageId }, async (before, held) => {
              own.hasLease = true;
              return (await find()) ?? (await create(before, held, release));
            }),
          );
    if (made !== undefined) return made.value;
    const holder = await leases.holderOf(key);
    // If undefined, it has ended in the meantime.
    if (holder !== undefined) return leaveTo(holder, work);
    await sleep(leases.pollMs, undefined, { signal });
  }
}

/** @param holder the message that is being handled; '' if it has no name */
function leaveTo(holder: string, { key, messageId }: MessageWork<unknown>): undefined {
  if (messageId !== undefined && holder !== '' && holder !== messageId) return undefined;
  throw new TransientError('waiting', `An earlier delivery of the same message may be at work on ${key}.`);
}

async function isHeld(leases: LeaseStore, key: string): Promise<boolean> {
  return (await leases.read([key]))[0] === 'held';
}

/**
 * Limits work across all processes: each of the leases `keyOf(1)`, `keyOf(2)` ... is one slot. `count` is called before
 * each round of tries; null means no limit. `name`: what is waited for, where that is measured.
 */
export function leasedSemaphore(
  leases: LeaseStore,
  keyOf: (place: number) => string,
  count: () => number | null,
  signal: AbortSignal,
  name: string,
): Semaphore {
  const { ttlMs } = leases;
  return async (work) => {
    const endWait = beginWait(name);
    for (;;) {
      const places = count();
      if (places === null) return UNLIMITED(work);
      // Starts at a random slot, so that many callers do not all ask for the same one.
      const first = Math.floor(Math.random() * places);
      for (let at = 0; at < places; at++) {
        const key = keyOf(1 + ((first + at) % places));
        const done = await underLease({ leases, key, ttlMs, signal }, () => {
          endWait();
          return UNLIMITED(work);
        });
        if (done !== undefined) return done.value;
      }
      await sleep(leases.pollMs, undefined, { signal });
    }
  };
}
