/** Keeps the documents of tasks that have not ended from expiring, however old these tasks are. */
import type {
  CollectionReference,
  DocumentReference,
  DocumentSnapshot,
  Firestore,
} from '@google-cloud/firestore';
import type { TaskStore } from '../../ports/tasks.ts';
import { type FirestoreConnection, isToBeProlonged, PARTS, problemsOf } from './firestore.ts';
import { nameAt } from './names.ts';
import { expiryTimes, unfinishedTasks } from './queries.ts';

export interface FirestoreRetentionOptions {
  firestore: FirestoreConnection;
  tasks: TaskStore;
  /** A task that cannot be prolonged now does not hold up the others. */
  onFailed: (taskId: string, error: unknown) => void;
  /** Once a call has prolonged so many documents, it leaves the rest to the next one. */
  most?: number;
}

export interface FirestoreRetention {
  /**
   * Prolongs what belongs to unfinished tasks once a day, because each write costs money. Leaves out tasks whose seal does
   * not fit. Throws TransientError.
   */
  prolong(): Promise<void>;
}

/** A commit takes 500 writes. */
const PAGE = 300;
/** Takes about half a minute. */
const MOST = 10_000;
/** Without problems: each is written again while it lasts. */
const KEPT_PARTS = PARTS.filter((part) => part !== problemsOf);

export function createFirestoreRetention(options: FirestoreRetentionOptions): FirestoreRetention {
  const { firestore, tasks, onFailed, most = MOST } = options;
  const isDue = (snapshot: DocumentSnapshot) => isToBeProlonged(snapshot, firestore.retained());

  /** Returns how many were due, at most a page more than `room`. Fewer than `room`: those were all. */
  const prolongPart = async (part: (db: Firestore) => CollectionReference, room: number): Promise<number> => {
    let prolonged = 0;
    let after: DocumentReference | undefined;
    for (;;) {
      const docs = await firestore.run(async (connected) => {
        const found = (await expiryTimes(connected, part(connected.db), PAGE, after).get()).docs;
        const due = found.filter(isDue);
        const batch = connected.db.batch();
        for (const { ref } of due) batch.update(ref, { ...firestore.retained() });
        if (due.length > 0) await batch.commit();
        prolonged += due.length;
        return found;
      });
      after = docs.at(-1)?.ref;
      if (docs.length < PAGE || prolonged >= room) return prolonged;
    }
  };

  const prolongTask = async (ref: DocumentReference, room: number): Promise<number> => {
    const task = await tasks.get(ref.id);
    if (task === undefined) return 0;
    let prolonged = 0;
    for (const part of KEPT_PARTS) {
      prolonged += await prolongPart((db) => part(db, task.id), room - prolonged);
      if (prolonged >= room) return prolonged;
    }
    // Last: from now on, the whole task counts as prolonged.
    await firestore.run(async ({ db }) => {
      const batch = db.batch();
      batch.set(nameAt(db, task), { taskId: task.id, ...firestore.retained() });
      batch.update(ref, { ...firestore.retained() });
      await batch.commit();
    });
    return prolonged + 2;
  };

  return {
    async prolong() {
      let room = most;
      let after: Parameters<typeof unfinishedTasks>[2];
      for (;;) {
        const { docs } = await firestore.run((connected) => unfinishedTasks(connected, PAGE, after).get());
        for (const { ref } of docs.filter(isDue)) {
          room -= await prolongTask(ref, room).catch((error: unknown) => {
            onFailed(ref.id, error);
            return 0;
          });
          if (room <= 0) return;
        }
        const last = docs.at(-1);
        if (last === undefined || docs.length < PAGE) return;
        after = { storedAt: last.get('openSince'), documentId: last.id };
      }
    },
  };
}
