import type { DocumentReference, Firestore } from '@google-cloud/firestore';
import type { IdMemory } from '../../ports.ts';
import { GRPC, grpcCode } from '../shared/google-errors.ts';
import { type FirestoreConnection, hashId, retained } from './firestore.ts';

export interface FirestoreIdsOptions {
  firestore: FirestoreConnection;
}

interface Stored {
  id: string;
}

/** Documents read by one call. */
const READ_AT_A_TIME = 300;

/** By the hash of the key, which holds names of any length and alphabet. */
export function createFirestoreIds({ firestore }: FirestoreIdsOptions): IdMemory {
  const at = (db: Firestore, key: string) => db.collection('ids').doc(hashId(key));

  return {
    async recall(keys) {
      const ids: (string | undefined)[] = [];
      for (let from = 0; from < keys.length; from += READ_AT_A_TIME) {
        const some = keys.slice(from, from + READ_AT_A_TIME);
        const snapshots = await firestore.run(({ db }) => db.getAll(...some.map((key) => at(db, key))));
        ids.push(...snapshots.map((snapshot) => (snapshot.data() as Stored | undefined)?.id));
      }
      return ids;
    },

    settle: (key, id, gone) => firestore.run(({ db }) => settled(at(db, key), id, gone)),
  };
}

/** Whichever of many writes first stands; a commit that is sent again finds its own id, and answers with it. */
async function settled(document: DocumentReference, id: string, gone: string | undefined): Promise<string> {
  for (;;) {
    const snapshot = await document.get();
    const found = (snapshot.data() as Stored | undefined)?.id;
    if (found !== undefined && found !== gone) return found;
    const stored = { id, ...retained() };
    try {
      if (snapshot.updateTime === undefined) await document.create(stored);
      else await document.update(stored, { lastUpdateTime: snapshot.updateTime });
      return id;
    } catch (error) {
      const others: readonly unknown[] = [GRPC.ALREADY_EXISTS, GRPC.FAILED_PRECONDITION, GRPC.NOT_FOUND];
      if (!others.includes(grpcCode(error))) throw error;
    }
  }
}
