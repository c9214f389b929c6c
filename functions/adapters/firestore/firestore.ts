import type { CollectionReference, DocumentReference, Firestore, Timestamp } from '@google-cloud/firestore';
import { TransientError } from '../../base/errors.ts';
import { inTime } from '../../base/time-limit.ts';
import { GRPC, throughGate } from '../shared/google-errors.ts';
import { hashId } from '../shared/hash-id.ts';

export interface FirestoreOptions {
  /** If undefined, the project that the platform reports. */
  projectId?: string | undefined;
}

/** The client, and the SDK that is loaded at first use. */
export interface Store {
  db: Firestore;
  sdk: typeof import('@google-cloud/firestore');
}

export interface FirestoreConnection extends AsyncDisposable {
  /** Connects at the first call. Temporary failures are rejected as TransientError. */
  run<T>(work: (store: Store) => Promise<T>): Promise<T>;
}

/** A task's documents are deleted after this time; until then the task can be retried. */
const RETENTION_MS = 30 * 24 * 3_600_000;
/** Leases and attempts are remembered for an hour, but a lease that was never released matters to its next holder. */
const LEASE_RETENTION_MS = 2 * 24 * 3_600_000;

/** A conditional write was refused, because the document was created, changed or deleted since it was read. */
export const CHANGED_SINCE_READ: readonly unknown[] = [
  GRPC.ALREADY_EXISTS,
  GRPC.FAILED_PRECONDITION,
  GRPC.NOT_FOUND,
];

/** How often a conditional write is tried. Of own writers, one succeeds and the others find what it wrote. */
const MOST_ROUNDS = 5;
const MAX_READABLE_ID = 1_000;
/** Limit for all requests of one port call; a normal answer takes milliseconds. */
const LIMIT_MS = 20_000;

/** The field that Firestore's time-to-live policy uses in every collection (infra/cloud/firestore.indexes.json). */
export type Expiring = { expireAt: Date };

export function connectFirestore({ projectId }: FirestoreOptions = {}): FirestoreConnection {
  let store: Promise<Store> | undefined;
  const connect = async (): Promise<Store> => {
    // Loading takes 0.2 s, so functions that never use the store do not load it.
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
      return throughGate('Firestore', () => inTime(work(connected), LIMIT_MS, noAnswer));
    },
    async [Symbol.asyncDispose]() {
      await (await store)?.db.terminate();
    },
  };
}

/** Needed because the client allows ten minutes for a commit, in which leases lapse and deliveries time out. */
function noAnswer(): TransientError {
  return new TransientError(
    'platform_unavailable',
    `Expected an answer from Firestore within ${LIMIT_MS / 1000} s.`,
  );
}

/** Tries a conditional write until it has a result. Someone else may change the document again and again. */
export async function inRounds<T>(write: () => Promise<{ value: T } | 'changed'>): Promise<T> {
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const result = await write();
    if (result !== 'changed') return result.value;
  }
  throw new TransientError(
    'platform_unavailable',
    `Expected to write a document, got it changed by someone else ${MOST_ROUNDS} times.`,
  );
}

/** All collections, including the subcollections below a task's document. */
export const COLLECTIONS = [
  'tasks',
  'renders',
  'shards',
  'pins',
  'problems',
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

/** The report counters. */
export function shardsOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('shards');
}

export function pinsOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('pins');
}

export function problemsOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('problems');
}

/** The claim that lets only one caller publish a task's completion. */
export function completionAt(db: Firestore, taskId: string): DocumentReference {
  return taskAt(db, taskId).collection('completion').doc('claim');
}

/**
 * Turns any text into a document id, kept readable if possible. Ids have at most 1,500 bytes, contain no slash, and are
 * not `.`, `..` or `__x__`. https://cloud.google.com/firestore/quotas#collections_documents_and_fields
 */
export function documentId(text: string): string {
  if (text === '' || !text.isWellFormed()) return hashedId(text);
  const id = encodeURIComponent(text).replace(/^[._]/, (first) => (first === '.' ? '%2E' : '%5F'));
  return id.length > MAX_READABLE_ID ? hashedId(text) : id;
}

/** Starts with "#", which no readable id contains. */
function hashedId(text: string): string {
  return `#${hashId(text)}`;
}

/** Padded, because ids sort as text. MAX_COMBINATIONS is at most 10,000. */
export function numberId(number: number): string {
  return String(number).padStart(5, '0');
}

/** When the time-to-live policy may delete a task's document. */
export function retained(): Expiring {
  return { expireAt: new Date(Date.now() + RETENTION_MS) };
}

/** When the policy may delete a lease or a record of attempts. */
export function leaseRetained(): Expiring {
  return { expireAt: new Date(Date.now() + LEASE_RETENTION_MS) };
}

/** Milliseconds between two timestamps of the store's clock. */
export function millisecondsBetween(earlier: Timestamp, later: Timestamp): number {
  return (later.seconds - earlier.seconds) * 1000 + (later.nanoseconds - earlier.nanoseconds) / 1e6;
}
