/** Pages of the list of tasks, of documents that others may have written, too. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import * as sdk from '@google-cloud/firestore';
import type { Store } from '../../../functions/adapters/firestore/firestore.ts';
import { listTasks } from '../../../functions/adapters/firestore/task-list.ts';
import { TransientError } from '../../../functions/base/errors.ts';

interface Doc {
  id: string;
  data: () => object;
  get: (field: string) => unknown;
}

/** The newest first, a second apart. */
function storeOf(ids: readonly string[], fail?: Error): Store {
  const docs = ids.map((id, at): Doc => {
    const fields = {
      name: id,
      combinations: 1,
      ended: 'completed',
      totals: { succeeded: 1 },
      finishedAt: sdk.Timestamp.fromMillis(1),
      storedAt: new sdk.Timestamp(1_000 - at, 0),
      sources: 1,
      renders: [1],
    };
    return { id, data: () => fields, get: (field) => fields[field as keyof typeof fields] };
  });
  let [from, most] = [0, docs.length];
  const query: Record<string, unknown> = {
    where: () => query,
    orderBy: () => query,
    select: () => query,
    limit(count: number) {
      [from, most] = [0, count];
      return query;
    },
    startAfter(storedAt: sdk.Timestamp, id: string) {
      from =
        docs.findIndex((doc) => doc.id === id && storedAt.isEqual(doc.get('storedAt') as sdk.Timestamp)) + 1;
      return query;
    },
    async get() {
      if (fail !== undefined) throw fail;
      return { docs: docs.slice(from, from + most) };
    },
  };
  return { db: { collection: () => query } as unknown as sdk.Firestore, sdk };
}

describe('a list of tasks in Firestore', () => {
  it('goes on after documents that are no tasks, and never names one in a cursor', async () => {
    const own = Array.from({ length: 5 }, () => String(randomUUID()));
    const strange = ['x', '%2e', 'a b', 'tasks', 'y'];
    const store = storeOf([own[0], ...strange, own[1], own[2], 'z', own[3], own[4]].map(String));
    const seen: string[] = [];
    let after: Awaited<ReturnType<typeof listTasks>>['next'];
    do {
      const page = await listTasks(store, { limit: 2, after });
      seen.push(...page.tasks.map(({ id }) => id));
      after = page.next;
      assert.ok(after === undefined || own.includes(after.id), after?.id);
    } while (after !== undefined);
    assert.deepEqual(seen, own);
  });

  it('is not ready, which is no failure of the service, while an index is being built', async () => {
    const error = Object.assign(new Error('The query requires an index.'), { code: 9 });
    await assert.rejects(listTasks(storeOf(['a'], error), { limit: 1 }), (thrown) => {
      assert.ok(TransientError.is(thrown));
      assert.match(thrown.message, /Expected an index of Firestore.*setup\.sh, it is being built/);
      return true;
    });
    const denied = Object.assign(new Error('No'), { code: 7 });
    await assert.rejects(listTasks(storeOf(['a'], denied), { limit: 1 }), denied);
  });
});
