import { randomUUID } from 'node:crypto';
import type { DocumentReference, DocumentSnapshot, Firestore, Timestamp } from '@google-cloud/firestore';
import { type Attempts, afterCrash, afterOrderlyEnd, type Lapses, NO_LAPSES } from '../../model/attempts.ts';
import type { AttemptStore } from '../../ports/attempts.ts';
import { grpcCode, isInconclusive } from '../shared/google-errors.ts';
import { ATTEMPTS_MEMORY_MS, MEMORY_MS } from '../shared/memory.ts';
import {
  CHANGED_SINCE_READ,
  documentId,
  type Expiring,
  type FirestoreConnection,
  inRounds,
  leaseRetained,
  millisecondsBetween,
} from './firestore.ts';

export interface FirestoreAttemptsOptions {
  firestore: FirestoreConnection;
}

/** The fields of a document. Its age is the time between its last write and a read, both by the store's clock. */
interface Stored extends Attempts {
  /** Rests started so far. */
  round: number;
  /** By the store's clock; null before the first rest. */
  restsUntil: Timestamp | null;
  lapses: Lapses;
  /** A random value for each change, newest first. */
  tokens: readonly string[];
}

interface Found {
  /** Empty if it is forgotten. */
  stored: Stored;
  resting: boolean;
  /** The version that a write must find; undefined if the write must create the document. */
  version: Timestamp | undefined;
  readAt: Timestamp;
}

const NOTHING: Stored = {
  crashes: 0,
  failures: 0,
  round: 0,
  restsUntil: null,
  lapses: NO_LAPSES,
  tokens: [],
};
/** How many changes of others may follow ours before we can no longer tell whether ours was made. */
const TOKENS_KEPT = 20;
/** Of several writers at a time one succeeds in each round, and all of them must. */
const MOST_ROUNDS = 100;

/** Takes no locks: a change is written only if the version read is still current, and starts over if it is not. */
export function createFirestoreAttempts({ firestore }: FirestoreAttemptsOptions): AttemptStore {
  const findAll = (keys: readonly string[]) =>
    firestore.run(async ({ db }) => {
      if (keys.length === 0) return [];
      return (await db.getAll(...keys.map((key) => attemptsAt(db, key)))).map(foundIn);
    });

  return {
    async read(keys) {
      return (await findAll(keys)).map(({ stored }) => countsOf(stored));
    },

    record: (key, what, lapsed) =>
      firestore.run(async ({ db }) => {
        const written = await change(attemptsAt(db, key), ({ stored }) =>
          what === 'crash' ? afterCrash(stored, lapsed) : { ...stored, failures: stored.failures + 1 },
        );
        return countsOf(written as Stored);
      }),

    forgive: (key, lapsed) =>
      firestore.run(async ({ db }) => {
        await change(attemptsAt(db, key), ({ stored }) => afterOrderlyEnd(stored, lapsed));
      }),

    rest: (key, ms) =>
      firestore.run(async ({ db, sdk }) => {
        const written = await change(attemptsAt(db, key), ({ stored, resting, readAt }) => {
          if (resting) return undefined;
          return {
            ...stored,
            round: stored.round + 1,
            restsUntil: sdk.Timestamp.fromMillis(readAt.toMillis() + ms),
          };
        });
        return written?.round;
      }),

    async resting(keys) {
      return (await findAll(keys)).map(({ resting }) => resting);
    },
  };
}

/** Writes the result of `next` and returns it. If `next` returns undefined, writes nothing and returns undefined. */
async function change(
  ref: DocumentReference,
  next: (found: Found) => Stored | undefined,
): Promise<Stored | undefined> {
  const token = randomUUID();
  return inRounds(async () => {
    const found = foundIn(await ref.get());
    // Our write was stored but its answer was lost, so the client sent it again and was refused.
    if (found.stored.tokens.includes(token)) return { value: found.stored };
    const changed = next(found);
    if (changed === undefined) return { value: undefined };
    const stored = { ...changed, tokens: [token, ...changed.tokens].slice(0, TOKENS_KEPT) };
    try {
      await write(ref, found.version, stored);
      return { value: stored };
    } catch (error) {
      if (CHANGED_SINCE_READ.includes(grpcCode(error))) return 'changed';
      if (!isInconclusive(error)) throw error;
      const now = foundIn(await ref.get());
      if (now.stored.tokens.includes(token)) return { value: now.stored };
      throw error;
    }
  }, MOST_ROUNDS);
}

async function write(ref: DocumentReference, version: Timestamp | undefined, stored: Stored): Promise<void> {
  const { lapses, ...others } = stored;
  // Hardly any record has lapses.
  const fields = { ...others, ...(lapses === NO_LAPSES ? {} : { lapses }), ...leaseRetained() };
  if (version === undefined) await ref.create(fields);
  else await ref.update(fields, { lastUpdateTime: version });
}

function attemptsAt(db: Firestore, key: string): DocumentReference {
  return db.collection('attempts').doc(documentId(key));
}

function foundIn(snapshot: DocumentSnapshot): Found {
  const { readTime: readAt, updateTime: version } = snapshot;
  const found = snapshot.data() as
    | (Omit<Stored, 'lapses'> & Partial<Pick<Stored, 'lapses'>> & Expiring)
    | undefined;
  if (found === undefined || version === undefined) {
    return { stored: NOTHING, resting: false, version: undefined, readAt };
  }
  const { expireAt: _, ...kept } = found;
  const { restsUntil } = kept;
  const resting = restsUntil !== null && millisecondsBetween(readAt, restsUntil) > 0;
  const known = millisecondsBetween(version, readAt) <= ATTEMPTS_MEMORY_MS ? kept : NOTHING;
  const { crashes, failures, lapses = NO_LAPSES } = known;
  const isRecent = restsUntil !== null && millisecondsBetween(restsUntil, readAt) <= MEMORY_MS;
  const round = isRecent ? kept.round : 0;
  return { stored: { ...kept, crashes, failures, round, lapses }, resting, version, readAt };
}

function countsOf({ crashes, failures }: Attempts): Attempts {
  return { crashes, failures };
}
