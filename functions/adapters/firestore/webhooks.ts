import { isDeepStrictEqual } from 'node:util';
import type { DocumentSnapshot } from '@google-cloud/firestore';
import { asked, eventRecord, recorded, storedRecord, type WebhookRecord } from '../../model/webhook.ts';
import type { Seal } from '../../ports/seal.ts';
import type { WebhookStore } from '../../ports/webhooks.ts';
import { grpcCode } from '../shared/google-errors.ts';
import { CHANGED_SINCE_READ, type FirestoreConnection, inRounds, webhookAt } from './firestore.ts';
import { dueWebhooks } from './queries.ts';

export function createFirestoreWebhooks({
  firestore,
  seal,
}: {
  firestore: FirestoreConnection;
  seal: Seal;
}): WebhookStore {
  /**
   * Reads the document and writes the fields that `change` makes of it, unless someone changes it in between: then again. A
   * write whose answer was lost looks the same, so `change` must know its own work. Undefined: nothing is to be written.
   */
  const changed = <T>(
    taskId: string,
    change: (found: DocumentSnapshot) => { value: T; fields?: object | undefined },
  ): Promise<T> =>
    firestore.run(({ db }) =>
      inRounds(async () => {
        const ref = webhookAt(db, taskId);
        const found = await ref.get();
        const { value, fields } = change(found);
        if (fields === undefined) return { value };
        const written = { ...fields, ...firestore.retained() };
        try {
          if (found.updateTime === undefined) await ref.create(written);
          else await ref.update(written, { lastUpdateTime: found.updateTime });
          return { value };
        } catch (error) {
          if (CHANGED_SINCE_READ.includes(grpcCode(error))) return 'changed';
          throw error;
        }
      }),
    );
  const eventIn = (taskId: string, found: DocumentSnapshot): string | undefined => {
    const event: unknown = found.get('event');
    if (typeof event !== 'string') return undefined;
    return seal.fits(eventRecord(taskId), event, found.get('seal')) ? event : undefined;
  };

  return {
    ask(taskId, at) {
      let seen: number | undefined;
      return changed(taskId, (found) => {
        const before = recordIn(found);
        seen ??= before?.askedAt ?? -1;
        // By this very call, whose answer was lost, or by another one.
        const isAsked = before !== undefined && before.askedAt > seen;
        return { value: undefined, fields: isAsked ? undefined : fieldsOf(asked(before, at)) };
      });
    },

    read: (taskId) => firestore.run(async ({ db }) => recordIn(await webhookAt(db, taskId).get())),

    record: (taskId, before, after) =>
      changed(taskId, (found) => {
        const stored = recordIn(found);
        if (stored === undefined) return { value: undefined };
        const value = recorded(stored, before, after);
        return { value, fields: isDeepStrictEqual(value, stored) ? undefined : fieldsOf(value) };
      }),

    async event(taskId, make) {
      const kept = await firestore.run(async ({ db }) => eventIn(taskId, await webhookAt(db, taskId).get()));
      if (kept !== undefined) return kept;
      const made = await make();
      return changed(taskId, (found) => {
        const quicker = eventIn(taskId, found);
        if (quicker !== undefined || !found.exists) return { value: quicker ?? made };
        return { value: made, fields: { event: made, seal: seal.of(eventRecord(taskId), made) } };
      });
    },

    forget: (taskId) =>
      firestore.run(async ({ db }) => {
        await webhookAt(db, taskId).delete();
      }),

    due: (at, limit, skip = 0) =>
      firestore.run(async (connected) => {
        const { docs } = await dueWebhooks(connected, at, limit, skip).get();
        return docs.map(({ id }) => id);
      }),
  };
}

function fieldsOf({ askedAt, nextTryAt, ...body }: WebhookRecord) {
  return { askedAt, nextTryAt, body: JSON.stringify(body) };
}

function recordIn(found: DocumentSnapshot): WebhookRecord | undefined {
  if (!found.exists) return undefined;
  return storedRecord(found.get('body'), found.get('askedAt'), found.get('nextTryAt'));
}
