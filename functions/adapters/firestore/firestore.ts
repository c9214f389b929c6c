import type { CollectionReference, DocumentReference, Firestore, Timestamp } from '@google-cloud/firestore';
import { TransientError } from '../../base/errors.ts';
import { GRPC, throughGate } from '../shared/google-errors.ts';
import { hashId } from '../shared/hash-id.ts';

export interface FirestoreOptions {
  /** Undefined: as the platform says. */
  projectId?: string | undefined;
}

/** The SDK, loaded at the first use, and the client on it. */
export interface Store {
  db: Firestore;
  sdk: typeof import('@google-cloud/firestore');
}

export interface FirestoreConnection extends AsyncDisposable {
  /** Connects at the first call. Errors that may pass by themselves come as TransientError. */
  run<T>(work: (store: Store) => Promise<T>): Promise<T>;
}

/** All that belongs to a task goes when its time is up; a retry of it must be asked for before. */
const RETENTION_MS = 30 * 24 * 3_600_000;
/** Leases and attempts are forgotten after an hour; that a lease lapsed may still be of interest to who takes it next. */
const LEASE_RETENTION_MS = 2 * 24 * 3_600_000;

/** Of a conditional write that was refused because the document is not, or no longer, as it was seen. */
export const OUTRUN: readonly unknown[] = [GRPC.ALREADY_EXISTS, GRPC.FAILED_PRECONDITION, GRPC.NOT_FOUND];

const MAX_READABLE_ID = 1_000;
/** For all that belongs to one call of a port; an answer takes milliseconds. */
const LIMIT_MS = 20_000;

/** The field that Firestore's time-to-live policy goes by (infra/cloud/firestore.indexes.json), in every collection. */
export type Expiring = { expireAt: Date };

export function connectFirestore({ projectId }: FirestoreOptions = {}): FirestoreConnection {
  let store: Promise<Store> | undefined;
  const connect = async (): Promise<Store> => {
    // Takes 0.2 s: what never asks the store does not load it.
    const sdk = await import('@google-cloud/firestore');
    const db = new sdk.Firestore({
      ...(projectId === undefined ? {} : { projectId }),
      ignoreUndefinedProperties: true,
    });
    return { db, sdk };
  };
  return {
    async run(work) {
      store ??= connect().catch((error: unknown) => {
        store = undefined;
        throw error;
      });
      const connected = await store;
      return throughGate('Firestore', () => inTime(work(connected)));
    },
    async [Symbol.asyncDispose]() {
      await (await store)?.db.terminate();
    },
  };
}

/** The client itself gives a commit ten minutes, in which leases lapse and deliveries run out of time. */
async function inTime<T>(answer: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () =>
      reject(
        new TransientError(
          'platform_unavailable',
          `Expected an answer of Firestore within ${LIMIT_MS / 1000} s.`,
        ),
      ),
    LIMIT_MS,
  );
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Where things lie; subcollections have the task's document above them. */
export const COLLECTIONS = [
  'tasks',
  'renders',
  'shards',
  'pins',
  'completion',
  'leases',
  'attempts',
  'claims',
  'names',
  'memos',
] as const;

export function taskAt(db: Firestore, taskId: string): DocumentReference {
  return db.collection('tasks').doc(documentId(taskId));
}

/** One document for each combination that has reported. */
export function rendersOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('renders');
}

/** The counters of the reports. */
export function shardsOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('shards');
}

export function pinsOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('pins');
}

/** The claim on the one completion that a task has. */
export function completionAt(db: Firestore, taskId: string): DocumentReference {
  return taskAt(db, taskId).collection('completion').doc('claim');
}

/**
 * Any text as the id of a document, readable where it can be. Ids have at most 1,500 bytes and no slash, are not dots,
 * and do not look like `__x__`. https://cloud.google.com/firestore/quotas#collections_documents_and_fields
 */
export function documentId(text: string): string {
  if (text === '' || !text.isWellFormed()) return hashedId(text);
  const id = encodeURIComponent(text).replace(/^[._]/, (first) => (first === '.' ? '%2E' : '%5F'));
  return id.length > MAX_READABLE_ID ? hashedId(text) : id;
}

/** No readable id has this sign. */
function hashedId(text: string): string {
  return `#${hashId(text)}`;
}

/** As ids sort by text, numbers in them are padded: MAX_COMBINATIONS is at most 10,000. */
export function numberId(number: number): string {
  return String(number).padStart(5, '0');
}

/** When the time-to-live policy may take a document of a task away. */
export function retained(): Expiring {
  return { expireAt: new Date(Date.now() + RETENTION_MS) };
}

/** When it may take away a lease, or a record of attempts. */
export function leaseRetained(): Expiring {
  return { expireAt: new Date(Date.now() + LEASE_RETENTION_MS) };
}

/** Milliseconds between two times of the store's own clock. */
export function millisecondsBetween(earlier: Timestamp, later: Timestamp): number {
  return (later.seconds - earlier.seconds) * 1000 + (later.nanoseconds - earlier.nanoseconds) / 1e6;
}
