import type { DocumentSnapshot, Firestore } from '@google-cloud/firestore';
import type { Memo } from '../../ports/memo.ts';
import { grpcCode } from '../shared/google-errors.ts';
import { hashId } from '../shared/hash-id.ts';
import { DAY_MS, MEMO_EXTRA_DAYS } from '../shared/memory.ts';
import { CHANGED_SINCE_READ, type FirestoreConnection, inRounds, isToBeProlonged } from './firestore.ts';

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
  const textOf = (snapshot: DocumentSnapshot) => (snapshot.data() as Stored | undefined)?.value;
  const retained = () => firestore.retained(MEMO_EXTRA_DAYS * DAY_MS);

  const isDue = (snapshot: DocumentSnapshot) => isToBeProlonged(snapshot, retained());

  const prolong = async (db: Firestore, used: readonly DocumentSnapshot[]): Promise<void> => {
    if (used.length === 0) return;
    const batch = db.batch();
    for (const { ref } of used) batch.update(ref, retained());
    // The next use prolongs them.
    await batch.commit().catch(() => {});
  };

  return {
    async recall(keys) {
      const values: (string | undefined)[] = [];
      for (let from = 0; from < keys.length; from += READ_AT_A_TIME) {
        const some = keys.slice(from, from + READ_AT_A_TIME);
        const snapshots = await firestore.run(async ({ db }) => {
          const found = await db.getAll(...some.map((key) => at(db, key)));
          await prolong(db, found.filter(isDue));
          return found;
        });
        values.push(...snapshots.map(textOf));
      }
      return values;
    },

    /** Only the first of many writes counts. A commit that is sent again finds its own value and returns it. */
    settle: (key, value, gone) =>
      firestore.run(({ db }) =>
        inRounds(async () => {
          const document = at(db, key);
          const snapshot = await document.get();
          const found = textOf(snapshot);
          if (found !== undefined && found !== gone) {
            if (isDue(snapshot)) await prolong(db, [snapshot]);
            return { value: found };
          }
          const stored = { value, ...retained() };
          try {
            if (snapshot.updateTime === undefined) await document.create(stored);
            else await document.update(stored, { lastUpdateTime: snapshot.updateTime });
            return { value };
          } catch (error) {
            if (!CHANGED_SINCE_READ.includes(grpcCode(error))) throw error;
            return 'changed';
          }
        }),
      ),

    remember: (key, value) =>
      firestore.run(async ({ db }) => {
        await at(db, key).set({ value, ...retained() });
      }),
  };
}
