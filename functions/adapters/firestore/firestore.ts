import { setTimeout as pause } from 'node:timers/promises';
import type {
  CollectionReference,
  DocumentReference,
  DocumentSnapshot,
  Firestore,
  Timestamp,
} from '@google-cloud/firestore';
import { ProxyTracerProvider } from '@opentelemetry/api';
import { TransientError } from '../../base/errors.ts';
import { inTime } from '../../base/time-limit.ts';
import { GRPC, throughGate } from '../shared/google-errors.ts';
import { hashId } from '../shared/hash-id.ts';
import { DAY_MS, LAPSED_MS } from '../shared/memory.ts';

export interface FirestoreOptions {
  /** If undefined, the project that the platform reports. */
  projectId?: string | undefined;
  /** Days for which the records of a task are kept. */
  taskDays?: number;
}

/** The client, and the SDK that is loaded at first use. */
export interface Store {
  db: Firestore;
  sdk: typeof import('@google-cloud/firestore');
}

export interface FirestoreConnection extends AsyncDisposable {
  /** Connects at the first call. Temporary failures are rejected as TransientError. */
  run<T>(work: (store: Store) => Promise<T>): Promise<T>;
  /** When the time-to-live policy may delete what is written now. Milliseconds more, for what must outlive tasks. */
  retained(moreMs?: number): Expiring;
}

/**
 * Added to TASK_DAYS. While a task runs, its documents are prolonged once a day (retention.ts), so that at its end each has
 * TASK_DAYS left, even if that has failed for a day.
 */
const RUNNING_MS = 2 * DAY_MS;

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
/** 80 bits, for at most 10,000 reports of a task. */
const REPORT_ID_DIGITS = 20;
/** How long the end of a connection waits for answers. */
const CLOSING_MS = 5_000;

/** The field that Firestore's time-to-live policy uses in every collection (infra/cloud/firestore.indexes.json). */
export type Expiring = { expireAt: Date };

export function connectFirestore({ projectId, taskDays = 30 }: FirestoreOptions = {}): FirestoreConnection {
  let store: Promise<Store> | undefined;
  const calls = new Set<Promise<unknown>>();
  let isClosed = false;
  const connect = async (): Promise<Store> => {
    // Loading takes 0.2 s, so functions that never use the store do not load it.
    const sdk = await import('@google-cloud/firestore');
    const db = new sdk.Firestore({
      ...(projectId === undefined ? {} : { projectId }),
      ignoreUndefinedProperties: true,
      // It would begin a trace with each call, as it does not know ours.
      openTelemetry: { tracerProvider: new ProxyTracerProvider() },
    });
    return { db, sdk };
  };
  const connected = (): Promise<Store> => {
    if (isClosed) throw new Error('Expected an open connection to Firestore, got one that is closed');
    store ??= connect().catch((error: unknown) => {
      store = undefined;
      throw error;
    });
    return store;
  };
  /** The call itself may go on after its caller has left, because the time was up. */
  const tracked = <T>(call: Promise<T>): Promise<T> => {
    calls.add(call);
    const ended = () => void calls.delete(call);
    call.then(ended, ended);
    return call;
  };
  return {
    run: (work) =>
      throughGate('Firestore', async () => {
        const call = tracked(connected().then(work));
        return inTime(call, LIMIT_MS, noAnswer);
      }),
    retained: (moreMs = 0) => ({ expireAt: new Date(Date.now() + taskDays * DAY_MS + RUNNING_MS + moreMs) }),
    async [Symbol.asyncDispose]() {
      isClosed = true;
      // The client leaves a rejection unhandled, which ends the process, if it is terminated while it sets up a stream.
      await soon([...calls]);
      const { db } = (await store) ?? {};
      if (db !== undefined) await soon([db.terminate()]);
    },
  };
}

/** Resolves once all of them are settled, but soon. */
async function soon(all: readonly Promise<unknown>[]): Promise<void> {
  const over = new AbortController();
  const late = pause(CLOSING_MS, undefined, { signal: over.signal, ref: false }).catch(() => {});
  await Promise.race([Promise.allSettled(all), late]);
  over.abort();
}

/** Needed because the client allows ten minutes for a commit, in which leases lapse and deliveries time out. */
function noAnswer(): TransientError {
  return new TransientError(
    'platform_unavailable',
    `Expected an answer from Firestore within ${LIMIT_MS / 1000} s.`,
  );
}

/** Tries a conditional write until it has a result. Someone else may change the document again and again. */
export async function inRounds<T>(
  write: () => Promise<{ value: T } | 'changed'>,
  mostRounds = MOST_ROUNDS,
): Promise<T> {
  for (let round = 1; round <= mostRounds; round++) {
    const result = await write();
    if (result !== 'changed') return result.value;
  }
  throw new TransientError(
    'platform_unavailable',
    `Expected to write a document, got it changed by someone else ${mostRounds} times.`,
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
  'webhooks',
  'usage',
] as const;

export function taskAt(db: Firestore, taskId: string): DocumentReference {
  return db.collection('tasks').doc(documentId(taskId));
}

/** What became of the event of a task. Of all tasks in one collection, as the sweep looks for those that are due. */
export function webhookAt(db: Firestore, taskId: string): DocumentReference {
  return db.collection('webhooks').doc(documentId(taskId));
}

/** One document for each combination that has reported. */
export function rendersOf(db: Firestore, taskId: string): CollectionReference {
  return taskAt(db, taskId).collection('renders');
}

/**
 * The report of a combination. Its id is a hash: Firestore stores neighbouring ids together, and hundreds of writes a
 * second to one place wait for each other. https://cloud.google.com/firestore/docs/best-practices#hotspots
 */
export function reportAt(db: Firestore, taskId: string, index: number): DocumentReference {
  return rendersOf(db, taskId).doc(hashId(taskId, String(index)).slice(0, REPORT_ID_DIGITS));
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

/** All that belongs to a task, below its document. */
export const PARTS: readonly ((db: Firestore, taskId: string) => CollectionReference)[] = [
  shardsOf,
  pinsOf,
  (db, taskId) => completionAt(db, taskId).parent,
  problemsOf,
  rendersOf,
];

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

/** The id of a shard, padded, because ids sort as text. */
export function numberId(number: number): string {
  return String(number).padStart(5, '0');
}

/** Whether what is in use must be kept longer. Only once a day, because each write costs money. */
export function isToBeProlonged(snapshot: DocumentSnapshot, { expireAt }: Expiring): boolean {
  return snapshot.exists && snapshot.get('expireAt').toMillis() < expireAt.getTime() - DAY_MS;
}

/** When the policy may delete a lease or a record of attempts. */
export function leaseRetained(): Expiring {
  return { expireAt: new Date(Date.now() + LAPSED_MS) };
}

/** Milliseconds between two timestamps of the store's clock. */
export function millisecondsBetween(earlier: Timestamp, later: Timestamp): number {
  return (later.seconds - earlier.seconds) * 1000 + (later.nanoseconds - earlier.nanoseconds) / 1e6;
}
