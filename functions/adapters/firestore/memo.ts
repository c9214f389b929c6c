import type { DocumentReference, Firestore } from '@google-cloud/firestore';
import type { Memo } from '../../ports.ts';
import { grpcCode } from '../shared/google-errors.ts';
import { hashId } from '../shared/hash-id.ts';
import { CHANGED_SINCE_READ, type FirestoreConnection, inRounds, retained } from './firestore.ts';

export interface FirestoreMemoOptions {
  firestore: FirestoreConnection;
}

interface Stored {
  value: string;
}

/** Documents read by one call. */
const READ_AT_A_TIME = 300;

export function createFirestoreMemo({ firestore }: FirestoreMemoOptions): Memo {
  const at = (db: Firestore, key: string) => db.collection('memos').doc(hashId(key));

  return {
    async recall(keys) {
      const values: (string | undefined)[] = [];
      for (let from = 0; from < keys.length; from += READ_AT_A_TIME) {
        const some = keys.slice(from, from + READ_AT_A_TIME);
        const snapshots = await firestore.run(({ db }) => db.getAll(...some.map((key) => at(db, key))));
        values.push(...snapshots.map((snapshot) => (snapshot.data() as Stored | undefined)?.value));
      }
      return values;
    },

    settle: (key, value, gone) => firestore.run(({ db }) => settle(at(db, key), value, gone)),

    remember: (key, value) =>
      firestore.run(async ({ db }) => {
        await at(db, key).set({ value, ...retained() });
      }),
  };
}

/** Only the first of many writes counts. A commit that is sent again finds its own value and returns it. */
async function settle(document: DocumentReference, value: string, gone: string | undefined): Promise<string> {
  return inRounds(async () => {
    const snapshot = await document.get();
    const found = (snapshot.data() as Stored | undefined)?.value;
    if (found !== undefined && found !== gone) return { value: found };
    const stored = { value, ...retained() };
    try {
      if (snapshot.updateTime === undefined) await document.create(stored);
      else await document.update(stored, { lastUpdateTime: snapshot.updateTime });
      return { value };
    } catch (error) {
      if (!CHANGED_SINCE_READ.includes(grpcCode(error))) throw error;
      return 'changed';
    }
  });
}
