import { randomUUID } from 'node:crypto';
import type { DocumentReference, DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore';
import type { LeaseState } from '../../model/lease-state.ts';
import type { Lease, LeaseStore } from '../../ports.ts';
import { grpcCode, isUnclear } from '../shared/google-errors.ts';
import { MEMORY_MS } from '../shared/memory.ts';
import {
  documentId,
  type FirestoreConnection,
  leaseRetained,
  millisecondsBetween,
  OUTRUN,
} from './firestore.ts';

export interface FirestoreLeasesOptions {
  firestore: FirestoreConnection;
  ttlMs?: number;
  pollMs?: number;
}

/** Longer than a busy instance or a slow network may keep a living holder from renewing. */
const TTL_MS = 30_000;
/** Each look costs two or three reads. */
const POLL_MS = 1_000;

/** Of one document. Its age is the time between its last write and a read, both by the store's clock. */
interface Stored {
  /** Null once released. */
  token: string | null;
  ttlMs: number;
}

interface Found {
  /** How the last holder left it; 'none' where there is no document. */
  left: LeaseState;
  /** Held, or changed within memory. */
  remembered: boolean;
  token: string | null;
  /** To change nothing but this version. */
  version: Timestamp | undefined;
}

/**
 * Leases as documents. Nothing is locked: a free key is taken by a create, a lapsed one by an update that holds only for
 * the version seen, so that of many exactly one gets it.
 */
export function createFirestoreLeases({
  firestore,
  ttlMs = TTL_MS,
  pollMs = POLL_MS,
}: FirestoreLeasesOptions): LeaseStore {
  /** The version that each holder wrote last: with it a release needs no read. */
  const versions = new WeakMap<Lease, Timestamp>();

  const granted = (lease: Lease, version: Timestamp): Lease => {
    versions.set(lease, version);
    return lease;
  };

  return {
    ttlMs,
    pollMs,

    take: (key, forMs) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, key);
        const token = randomUUID();
        const stored: Stored = { token, ttlMs: forMs };
        const first: Lease = { key, token, previous: 'none' };
        const created = await unlessOutrun(() => write(ref, undefined, stored));
        if (created !== undefined) return granted(first, created);

        const found = look(await ref.get());
        // Refused because it was there already: the answer to our write was lost, and the client wrote again.
        if (found.token === token) return granted(first, found.version as Timestamp);
        if (found.left === 'held') return undefined;
        const next: Lease = { key, token, previous: previousOf(found) };
        const written = await unlessOutrun(() => write(ref, found.version, stored));
        if (written !== undefined) return granted(next, written);
        const now = look(await ref.get());
        return now.token === token ? granted(next, now.version as Timestamp) : undefined;
      }),

    renew: (lease, forMs) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const found = look(await ref.get());
        if (found.left !== 'held' || found.token !== lease.token) return false;
        try {
          versions.set(lease, await write(ref, found.version, { token: lease.token, ttlMs: forMs }));
          return true;
        } catch (error) {
          if (!OUTRUN.includes(grpcCode(error)) && !isUnclear(error)) throw error;
          const now = look(await ref.get());
          const moved = now.version !== undefined && found.version?.isEqual(now.version) === false;
          // Our own write, whose answer was lost.
          if (moved && now.token === lease.token) {
            versions.set(lease, now.version as Timestamp);
            return true;
          }
          if (isUnclear(error)) throw error;
          return false;
        }
      }),

    release: (lease) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const free = (version: Timestamp) =>
          unlessOutrun(() => write(ref, version, { token: null, ttlMs: 0 }));
        const known = versions.get(lease);
        if (known !== undefined && (await free(known)) !== undefined) return;
        // A renewal whose answer was lost has moved the version.
        const found = look(await ref.get());
        if (found.token === lease.token && found.version !== undefined) await free(found.version);
      }),

    read: (keys) =>
      firestore.run(async ({ db }) => {
        if (keys.length === 0) return [];
        const found = await db.getAll(...keys.map((key) => leaseAt(db, key)));
        return found.map((snapshot) => {
          const { left, remembered } = look(snapshot);
          return remembered ? left : 'none';
        });
      }),
  };
}

function leaseAt(db: Firestore, key: string): DocumentReference {
  return db.collection('leases').doc(documentId(key));
}

/** Of one that nobody holds. */
function previousOf({ left, remembered }: Found): Lease['previous'] {
  return left === 'lapsed' || (left === 'released' && remembered) ? left : 'none';
}

/** Creates the document, or changes that version of it; answers with the version written. */
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

function look(snapshot: DocumentSnapshot): Found {
  const stored = snapshot.data() as Stored | undefined;
  const version = snapshot.updateTime;
  if (stored === undefined || version === undefined) {
    return { left: 'none', remembered: false, token: null, version: undefined };
  }
  const { token, ttlMs } = stored;
  const age = millisecondsBetween(version, snapshot.readTime);
  const left = token === null ? 'released' : age < ttlMs ? 'held' : 'lapsed';
  return { left, remembered: left === 'held' || age <= MEMORY_MS, token, version };
}

/** Undefined where it was refused, or where the outcome is unclear: then a look at the token tells. */
async function unlessOutrun<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (OUTRUN.includes(grpcCode(error)) || isUnclear(error)) return undefined;
    throw error;
  }
}
