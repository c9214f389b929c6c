import { randomUUID } from 'node:crypto';
import type { DocumentReference, DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore';
import { LEASE_MEMORY_MS, type Lease, type LeaseState, type LeaseStore } from '../../ports.ts';
import { GRPC, grpcCode, isUnclear } from '../shared/google-errors.ts';
import { documentId, type FirestoreConnection, leaseRetained, millisecondsBetween } from './firestore.ts';

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
  takes: number;
  crashes: number;
  failures: number;
}

interface Found extends LeaseState {
  token: string | null;
  /** Its holder neither released nor renewed it. */
  lapsed: boolean;
  /** To change nothing but this version. */
  version: Timestamp | undefined;
}

/** Refused because the document is not, or no longer, as it was seen. */
const OUTRUN: readonly unknown[] = [GRPC.ALREADY_EXISTS, GRPC.FAILED_PRECONDITION, GRPC.NOT_FOUND];

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
  /** What was refused because it was there already: the answer to our write was lost, and the client wrote again. */
  const own = (key: string, token: string, { takes, crashes, failures, version }: Found): Lease =>
    granted({ key, token, takes, crashes, failures }, version as Timestamp);

  return {
    ttlMs,
    pollMs,

    take: (key, forMs) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, key);
        const token = randomUUID();
        const first: Lease = { key, token, takes: 1, crashes: 0, failures: 0 };
        const created = await unlessOutrun(() => write(ref, undefined, storedOf(first, forMs)));
        if (created !== undefined) return granted(first, created);

        const found = look(await ref.get());
        if (found.token === token) return own(key, token, found);
        if (found.held) return undefined;
        const lease: Lease = {
          key,
          token,
          takes: found.takes + 1,
          crashes: found.crashes + (found.lapsed ? 1 : 0),
          failures: found.failures,
        };
        const written = await unlessOutrun(() => write(ref, found.version, storedOf(lease, forMs)));
        if (written !== undefined) return granted(lease, written);
        const now = look(await ref.get());
        return now.token === token ? own(key, token, now) : undefined;
      }),

    renew: (lease, forMs) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const found = look(await ref.get());
        if (!found.held || found.token !== lease.token) return false;
        try {
          versions.set(lease, await write(ref, found.version, storedOf(lease, forMs)));
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

    release: (lease, failed = false) =>
      firestore.run(async ({ db }) => {
        const ref = leaseAt(db, lease.key);
        const released = { ...storedOf(lease, 0), token: null, failures: lease.failures + (failed ? 1 : 0) };
        const free = (version: Timestamp) => unlessOutrun(() => write(ref, version, released));
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
          const { held, takes, crashes, failures } = look(snapshot);
          return { held, takes, crashes, failures };
        });
      }),
  };
}

function leaseAt(db: Firestore, key: string): DocumentReference {
  return db.collection('leases').doc(documentId(key));
}

function storedOf({ token, takes, crashes, failures }: Lease, ttlMs: number): Stored {
  return { token, ttlMs, takes, crashes, failures };
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
    return { held: false, lapsed: false, token: null, takes: 0, crashes: 0, failures: 0, version: undefined };
  }
  const age = millisecondsBetween(version, snapshot.readTime);
  const held = stored.token !== null && age < stored.ttlMs;
  const remembered = held || age <= LEASE_MEMORY_MS;
  return {
    held,
    lapsed: stored.token !== null && !held,
    token: stored.token,
    takes: remembered ? stored.takes : 0,
    crashes: remembered ? stored.crashes : 0,
    failures: remembered ? stored.failures : 0,
    version,
  };
}

/** Undefined where it was refused, or where nobody can tell: then a look at the token does. */
async function unlessOutrun<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (OUTRUN.includes(grpcCode(error)) || isUnclear(error)) return undefined;
    throw error;
  }
}
