import type { DocumentSnapshot } from '@google-cloud/firestore';
import { asked, isDue, type WebhookRecord } from '../../model/webhook.ts';
import type { WebhookStore } from '../../ports.ts';
import { GRPC, grpcCode } from '../shared/google-errors.ts';
import { CHANGED_SINCE_READ, type FirestoreConnection, inRounds, webhookAt } from './firestore.ts';
import { dueWebhooks } from './queries.ts';

type Stored = { /** JSON of the other fields. */ body: string } & Pick<
  WebhookRecord,
  'askedAt' | 'nextTryAt'
>;

export function createFirestoreWebhooks({ firestore }: { firestore: FirestoreConnection }): WebhookStore {
  return {
    ask: (taskId, at) =>
      firestore.run(({ db }) =>
        inRounds(async () => {
          const ref = webhookAt(db, taskId);
          const found = await ref.get();
          const before = recordIn(found);
          // Asked by this very call, whose answer was lost, or by another one, and not sent since.
          if (before !== undefined && before.askedAt >= at && isDue(before, before.askedAt))
            return { value: undefined };
          const { askedAt, nextTryAt, ...body } = asked(before, at);
          const stored = { askedAt, nextTryAt, body: JSON.stringify(body), ...firestore.retained() };
          const version = found.updateTime;
          try {
            if (version === undefined) await ref.create(stored);
            else await ref.update(stored, { lastUpdateTime: version });
            return { value: undefined };
          } catch (error) {
            if (CHANGED_SINCE_READ.includes(grpcCode(error))) return 'changed';
            throw error;
          }
        }),
      ),

    read: (taskId) => firestore.run(async ({ db }) => recordIn(await webhookAt(db, taskId).get())),

    record: (taskId, { askedAt: _, nextTryAt, ...body }) =>
      firestore.run(async ({ db }) => {
        const changed = { nextTryAt, body: JSON.stringify(body), ...firestore.retained() };
        await webhookAt(db, taskId)
          .update(changed)
          .catch((error: unknown) => {
            if (grpcCode(error) !== GRPC.NOT_FOUND) throw error;
          });
      }),

    forget: (taskId) =>
      firestore.run(async ({ db }) => {
        await webhookAt(db, taskId).delete();
      }),

    due: (at, limit) =>
      firestore.run(async (connected) => {
        const { docs } = await dueWebhooks(connected, at, limit).get();
        return docs.map(({ id }) => id);
      }),
  };
}

function recordIn(snapshot: DocumentSnapshot): WebhookRecord | undefined {
  const stored = snapshot.data() as Stored | undefined;
  if (stored === undefined) return undefined;
  const { body, askedAt, nextTryAt } = stored;
  return { ...(JSON.parse(body) as Omit<WebhookRecord, 'askedAt' | 'nextTryAt'>), askedAt, nextTryAt };
}
