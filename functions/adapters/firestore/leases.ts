import { randomUUID } from 'node:crypto';
import type {
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
  WriteBatch,
} from '@google-cloud/firestore';
import { TransientError } from '../../base/errors.ts';
import type { LeaseState } from '../../model/lease-state.ts';
import type { Lease, LeaseStore } from '../../ports/leases.ts';
import { grpcCode, isInconclusive } from '../shared/google-errors.ts';
import { MEMORY_MS } from '../shared/memory.ts';
import {
  CHANGED_SINCE_READ,
  documentId,
  type FirestoreConnection,
  leaseRetained,
  millisecondsBetween,
} from './firestore.ts';

export interface FirestoreLeasesOptions {
  firestore: FirestoreConnection;
  ttlMs?: number;
  pollMs?: number;
}

/** Long enough that a busy instance or a slow network does not keep a living holder from renewing in time. */
const TTL_MS = 30_000;
/** Each check costs two or three reads. */
const POLL_MS = 1_000;

/** The fields of a document. Its age is the time between its last write and a read, both by the store's clock. */
interface Stored {
  /** Null once released. */
  token: string | null;
  ttlMs: number;
  /** Of the last take; missing if it gave no name. */
  holder?: string;
}

interface Found {
  /** How the last holder left it; 'none' if there is no document. */
  left: LeaseState;
  /** Held, or changed within MEMORY_MS. */
  remembered: boolean;
  token: string | null;
  holder: string;
  /** The version that a write must find. */
  version: Timestamp | undefined;
}

/**
 * Leases as documents. Takes no locks: a free key is taken by a create, a lapsed one by an update that requires the
 * version read, so that exactly one of many callers gets it.
 */
export function createFirestoreLeases({
  firestore,
  ttlMs = TTL_MS,
  pollMs = POLL_MS,
}: FirestoreLeasesOptions): LeaseStore {
  /** The version that each holder wrote last, so that a release needs no read. */
  const versions = new WeakMap<Lease, Timestamp>();

  const granted = (lease: Lease, version: Timestamp): Lease => {
    versions.set(lease, version);
    return lease;
  };

  return {
    ttlMs,
    pollMs,

    take: (key, forMs, holder = '') =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, key);
        const token = randomUUID();
        const stored: Stored = { token, ttlMs: forMs, holder };
        const first: Lease = { key, token, previous: 'none' };
        const created = await unlessRefused(() => write(ref, undefined, stored));
        if (created !== undefined) return granted(first, created);

        const found = foundIn(await ref.get());
        // Our write was stored but its answer was lost, so the client sent it again and was refused.
        if (found.token === token) return granted(first, found.version as Timestamp);
        if (found.left === 'held') return undefined;
        const next: Lease = { key, token, ...previousOf(found) };
        const written = await unlessRefused(() => write(ref, found.version, stored));
        if (written !== undefined) return granted(next, written);
        const now = foundIn(await ref.get());
        return now.token === token ? granted(next, now.version as Timestamp) : undefined;
      }),

    holderOf: (key) =>
      firestore.run(async ({ db }) => {
        const { left, holder } = foundIn(await leaseAt(db, key).get());
        return left === 'held' ? holder : undefined;
      }),

    renew: (lease, forMs) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const found = foundIn(await ref.get());
        if (found.left !== 'held' || found.token !== lease.token) return false;
        try {
          versions.set(lease, await write(ref, found.version, { token: lease.token, ttlMs: forMs }));
          return true;
        } catch (error) {
          if (!CHANGED_SINCE_READ.includes(grpcCode(error)) && !isInconclusive(error)) throw error;
          const now = foundIn(await ref.get());
          const moved = now.version !== undefined && found.version?.isEqual(now.version) === false;
          // This is our own write, whose answer was lost.
          if (moved && now.token === lease.token) {
            versions.set(lease, now.version as Timestamp);
            return true;
          }
          if (isInconclusive(error)) throw error;
          return false;
        }
      }),

    release: (lease) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const free = (version: Timestamp) =>
          unlessRefused(() => write(ref, version, { token: null, ttlMs: 0 }));
        const known = versions.get(lease);
        if (known !== undefined && (await free(known)) !== undefined) return true;
        // The version is another one if the answer to a renewal was lost.
        const found = foundIn(await ref.get());
        if (found.token === lease.token && found.version !== undefined) {
          if ((await free(found.version)) !== undefined) return true;
          const now = foundIn(await ref.get());
          if (now.token === lease.token) throw notReleased(lease.key);
          return now.token === null;
        }
        // Null if it was this release that the store has made, and its answer was lost.
        return found.token === null;
      }),

    read: (keys) =>
      firestore.run(async ({ db }) => {
        if (keys.length === 0) return [];
        const found = await db.getAll(...keys.map((key) => leaseAt(db, key)));
        return found.map((snapshot) => {
          const { left, remembered } = foundIn(snapshot);
          return left === 'released' && !remembered ? 'none' : left;
        });
      }),
  };
}

function notReleased(key: string): TransientError {
  return new TransientError('platform_unavailable', `Expected to release the lease ${key}, got no answer.`);
}

export function leaseAt(db: Firestore, key: string): DocumentReference {
  return db.collection('leases').doc(documentId(key));
}

/**
 * Makes a batch fail if anyone takes the lease before it is committed. Returns false, and adds nothing, if someone has the
 * lease, or had it and never released it.
 */
export function requireIdle(batch: WriteBatch, snapshot: DocumentSnapshot): boolean {
  const { left, version } = foundIn(snapshot);
  if (left === 'held' || left === 'lapsed') return false;
  const fields = { token: null, ttlMs: 0, ...leaseRetained() };
  if (version === undefined) batch.create(snapshot.ref, fields);
  else batch.update(snapshot.ref, fields, { lastUpdateTime: version });
  return true;
}

/** For a lease that is not held. */
function previousOf({ left, remembered, token }: Found): Pick<Lease, 'previous' | 'lapsed'> {
  if (left === 'lapsed') return { previous: left, ...(token === null ? {} : { lapsed: token }) };
  return { previous: left === 'released' && remembered ? left : 'none' };
}

/** Creates the document, or changes that version of it. Returns the version written. */
async function write(
  ref: DocumentReference,
  version: Timestamp | undefined,
  stored: Stored,
): Promise<Timestamp> {
  const fields = { ...stored, ...leaseRetained() };
  const { writeTime } =
    version === undefined ? await ref.create(fields) : await ref.update(fields, { lastUpdateTime: version });
  return writeTime;
}

function foundIn(snapshot: DocumentSnapshot): Found {
  const stored = snapshot.data() as Stored | undefined;
  const version = snapshot.updateTime;
  if (stored === undefined || version === undefined) {
    return { left: 'none', remembered: false, token: null, holder: '', version: undefined };
  }
  const { token, ttlMs, holder = '' } = stored;
  const age = millisecondsBetween(version, snapshot.readTime);
  const left = token === null ? 'released' : age < ttlMs ? 'held' : 'lapsed';
  return { left, remembered: left === 'held' || age <= MEMORY_MS, token, holder, version };
}

/** Undefined if the write was refused or its outcome is unknown: the stored token then tells whether it was made. */
async function unlessRefused<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (CHANGED_SINCE_READ.includes(grpcCode(error)) || isInconclusive(error)) return undefined;
    throw error;
  }
}
