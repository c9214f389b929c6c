import type { CollectionReference, Firestore } from '@google-cloud/firestore';
import { TransientError } from '../../base/errors.ts';
import { type FirestoreConnection, PARTS, taskAt, webhookAt } from './firestore.ts';
import { claimsOf, expiryTimes } from './queries.ts';

/** A commit takes 500 writes. */
const AT_A_TIME = 400;

/**
 * First, in one commit, the task and all that it has only a few documents of, so that nobody sees it without its reports.
 * The short id stays reserved, because the files stay. What is left after an error expires by itself.
 */
export async function removeTask(firestore: FirestoreConnection, taskId: string): Promise<void> {
  await firestore.run(async (store) => {
    const { db } = store;
    const batch = db.batch();
    // Any other document that a task has one of goes here, too; collections below the task are in PARTS.
    batch.delete(taskAt(db, taskId));
    batch.delete(webhookAt(db, taskId));
    for (const { ref } of (await claimsOf(store, taskId, AT_A_TIME).get()).docs) batch.delete(ref);
    await batch.commit();
  });
  const parts = PARTS.map((part) => removeAll(firestore, (db) => part(db, taskId)));
  await Promise.all(parts).catch((error: unknown) => {
    // Nobody can ask for it again: the task is gone.
    if (!TransientError.is(error)) throw error;
  });
}

async function removeAll(
  firestore: FirestoreConnection,
  part: (db: Firestore) => CollectionReference,
): Promise<void> {
  let removed: number;
  do {
    removed = await firestore.run(async (store) => {
      const { docs } = await expiryTimes(store, part(store.db), AT_A_TIME).get();
      const batch = store.db.batch();
      for (const { ref } of docs) batch.delete(ref);
      if (docs.length > 0) await batch.commit();
      return docs.length;
    });
  } while (removed === AT_A_TIME);
}
