import type { Firestore } from '@google-cloud/firestore';
import { type Problem, type Work, workName } from '../../model/problem.ts';
import type { ProblemStore } from '../../ports/problems.ts';
import { documentId, type FirestoreConnection, problemsOf } from './firestore.ts';
import { latestProblems } from './queries.ts';

type Stored = { /** JSON of the other fields. */ body: string } & Pick<Problem, 'since' | 'notedAt'>;

export function createFirestoreProblems({ firestore }: { firestore: FirestoreConnection }): ProblemStore {
  const at = (db: Firestore, taskId: string, work: Work) =>
    problemsOf(db, taskId).doc(documentId(workName(work)));

  return {
    note: (taskId, { since, notedAt, ...problem }) =>
      firestore.run(async ({ db, sdk }) => {
        const earliest = sdk.FieldValue.minimum(since);
        const stored = { body: JSON.stringify(problem), since: earliest, notedAt, ...firestore.retained() };
        await at(db, taskId, problem.work).set(stored, { merge: true });
      }),

    clear: (taskId, work) =>
      firestore.run(async ({ db }) => {
        await at(db, taskId, work).delete();
      }),

    latest: (taskId, limit) =>
      firestore.run(async (connected) => {
        const { docs } = await latestProblems(connected, taskId, limit).get();
        return docs.map((doc) => {
          const { body, since, notedAt } = doc.data() as Stored;
          return { ...(JSON.parse(body) as Omit<Problem, 'since' | 'notedAt'>), since, notedAt };
        });
      }),
  };
}
