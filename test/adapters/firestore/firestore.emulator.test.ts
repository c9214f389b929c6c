import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFirestoreAttempts } from '../../../functions/adapters/firestore/attempts.ts';
import {
  COLLECTIONS,
  connectFirestore,
  type FirestoreConnection,
  pinsOf,
  reportAt,
  shardsOf,
  taskAt,
} from '../../../functions/adapters/firestore/firestore.ts';
import { createFirestoreLeases } from '../../../functions/adapters/firestore/leases.ts';
import { createFirestoreMemo } from '../../../functions/adapters/firestore/memo.ts';
import { createFirestorePins } from '../../../functions/adapters/firestore/pins.ts';
import { createFirestoreProblems } from '../../../functions/adapters/firestore/problems.ts';
import { createFirestoreReports } from '../../../functions/adapters/firestore/reports.ts';
import { createFirestoreRetention } from '../../../functions/adapters/firestore/retention.ts';
import { createFirestoreTasks } from '../../../functions/adapters/firestore/tasks.ts';
import { createFirestoreUsage } from '../../../functions/adapters/firestore/usage.ts';
import { createFirestoreWebhooks } from '../../../functions/adapters/firestore/webhooks.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { listTasks } from '../../../functions/http/task-list.ts';
import type { TaskList } from '../../../functions/model/answers/task.ts';
import type { Task } from '../../../functions/model/task.ts';
import { attemptContract } from '../../contracts/attempts.ts';
import { numbers, TIMEOUT_MS } from '../../contracts/harness.ts';
import { leaseContract } from '../../contracts/leases.ts';
import { memoContract } from '../../contracts/memo.ts';
import { pinContract } from '../../contracts/pins.ts';
import { problemContract, sampleProblem } from '../../contracts/problems.ts';
import { reportContract } from '../../contracts/reports.ts';
import { samplePrepared, sampleReport, sampleTask } from '../../contracts/samples.ts';
import { taskListContract } from '../../contracts/task-list.ts';
import { taskContract } from '../../contracts/tasks.ts';
import { usageContract } from '../../contracts/usage.ts';
import { webhookContract } from '../../contracts/webhooks.ts';
import { newProject, ON_EMULATORS, useEmulators } from '../../fixtures/hosts/emulators.ts';
import { addressOf } from '../../fixtures/network/source-address.ts';
import { sampled } from '../../fixtures/system/sample.ts';
import { FORGED_SEAL, SEAL } from '../../fixtures/system/seal.ts';

useEmulators();

/** Creates adapters in their own project. */
async function on<T extends object>(
  build: (firestore: FirestoreConnection) => T,
  change: (firestore: FirestoreConnection) => Promise<void> = async () => {},
): Promise<T & AsyncDisposable> {
  const firestore = connectFirestore({ projectId: newProject() });
  await change(firestore);
  return { ...build(firestore), [Symbol.asyncDispose]: () => firestore[Symbol.asyncDispose]() };
}

/** Sends each commit twice, as the client does if an answer is lost: the second attempt conflicts with the first. */
async function sendTwice(firestore: FirestoreConnection): Promise<void> {
  await firestore.run(async ({ db }) => {
    const client = db as unknown as { request: (method: string, ...rest: unknown[]) => Promise<unknown> };
    const request = client.request.bind(client);
    client.request = async (method, ...rest) => {
      const answer = await request(method, ...rest);
      return method === 'commit' ? request(method, ...rest) : answer;
    };
  });
}

const STORES = [
  'tasks',
  'list',
  'events',
  'problems',
  'reports',
  'pins',
  'leases',
  'attempts',
  'memos',
] as const;
type Store = (typeof STORES)[number];
const SENT_TWICE = sampled(STORES, 3, 'commits sent twice');

for (const [name, change] of [
  ['firestore', undefined],
  ['firestore, every commit sent twice,', sendTwice],
] as const) {
  const runs = (store: Store) => change === undefined || SENT_TWICE.includes(store);
  if (runs('tasks'))
    taskContract(
      name,
      () =>
        on(
          (firestore) => ({
            store: createFirestoreTasks({ seal: SEAL, firestore }),
            forged: createFirestoreTasks({ seal: FORGED_SEAL, firestore }),
            copyBody: (from: string, to: string) =>
              firestore.run(async ({ db }) => {
                const { body, seal } = (await taskAt(db, from).get()).data() ?? {};
                await taskAt(db, to).update({ body, seal });
              }),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('list'))
    taskListContract(
      name,
      () =>
        on(
          (firestore) => ({
            tasks: createFirestoreTasks({ seal: SEAL, firestore }),
            reports: createFirestoreReports({ seal: SEAL, firestore }),
            pins: createFirestorePins({ firestore }),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('events'))
    webhookContract(
      name,
      () =>
        on(
          (firestore) => ({
            store: createFirestoreWebhooks({ seal: SEAL, firestore }),
            forged: createFirestoreWebhooks({ seal: FORGED_SEAL, firestore }),
            spoil: (taskId: string, body: string) =>
              firestore.run(
                async ({ db }) => void (await db.collection('webhooks').doc(taskId).update({ body })),
              ),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('problems'))
    problemContract(
      name,
      () =>
        on(
          (firestore) => ({
            tasks: createFirestoreTasks({ seal: SEAL, firestore }),
            problems: createFirestoreProblems({ firestore }),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('reports'))
    reportContract(
      name,
      () =>
        on(
          (firestore) => ({
            tasks: createFirestoreTasks({ seal: SEAL, firestore }),
            reports: createFirestoreReports({ seal: SEAL, firestore }),
            leases: createFirestoreLeases({ firestore }),
            forged: createFirestoreReports({ seal: FORGED_SEAL, firestore }),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('pins'))
    pinContract(
      name,
      () =>
        on(
          (firestore) => ({
            tasks: createFirestoreTasks({ seal: SEAL, firestore }),
            pins: createFirestorePins({ firestore }),
          }),
          change,
        ),
      ON_EMULATORS,
    );
  if (runs('leases'))
    leaseContract(
      name,
      () => on((firestore) => ({ store: createFirestoreLeases({ firestore }) }), change),
      ON_EMULATORS,
    );
  if (runs('attempts'))
    attemptContract(
      name,
      () => on((firestore) => ({ store: createFirestoreAttempts({ firestore }) }), change),
      ON_EMULATORS,
    );
  if (runs('memos'))
    memoContract(
      name,
      () => on((firestore) => ({ store: createFirestoreMemo({ firestore }) }), change),
      ON_EMULATORS,
    );
}

// A commit that is sent twice counts twice, which the port allows.
usageContract(
  'firestore',
  () => on((firestore) => ({ at: (now: number) => createFirestoreUsage({ firestore, now: () => now }) })),
  ON_EMULATORS,
);

describe('firestore', { timeout: TIMEOUT_MS, ...ON_EMULATORS }, () => {
  it('stores a task of 10,000 combinations with the longest request, and spreads its count over 50 shards', async () => {
    await using store = await on((firestore) => ({
      firestore,
      tasks: createFirestoreTasks({ seal: SEAL, firestore }),
    }));
    const task = sampleTask({ combinations: 10_000 });
    // 256 KB of signed URLs, which do not compress.
    task.plan.sources = numbers(100).map((at) => ({
      kind: 'clip',
      ...addressOf(`https://example.com/${at}.mp4?sig=${randomBytes(960).toString('hex')}`),
    }));
    assert.equal(await store.tasks.create(task), true);
    const shards = await store.firestore.run(({ db }) => shardsOf(db, task.id).get());
    assert.equal(shards.size, 50);
    assert.equal(
      shards.docs.reduce((sum, shard) => sum + (shard.get('quota') as number), 0),
      10_000,
    );
    const other = createFirestoreTasks({ seal: SEAL, firestore: store.firestore });
    assert.deepEqual(await other.get(task.id), task);
  });

  it('counts and completes a retry of any combinations', async () => {
    await using store = await on((firestore) => ({
      tasks: createFirestoreTasks({ seal: SEAL, firestore }),
      reports: createFirestoreReports({ seal: SEAL, firestore }),
    }));
    const task = sampleTask({ combinations: 90 });
    task.plan.combinations = task.plan.combinations.filter(({ index }) => index % 4 === 3 && index > 8);
    await store.tasks.create(task);
    const indexes = task.plan.combinations.map(({ index }) => index);
    for (const index of indexes.slice(1)) {
      await store.reports.report(task.id, sampleReport(index));
      assert.equal(await store.reports.claimCompletion(task.id, index), 'open');
    }
    await store.reports.report(task.id, sampleReport(indexes[0] as number));
    assert.equal(await store.reports.claimCompletion(task.id, indexes[0]), 'claimed');
    assert.equal((await store.tasks.progress(task.id))?.succeeded, indexes.length);
  });

  it('gives every document an expiry time', async () => {
    await using store = await on((firestore) => ({
      firestore,
      tasks: createFirestoreTasks({ seal: SEAL, firestore }),
      reports: createFirestoreReports({ seal: SEAL, firestore }),
      pins: createFirestorePins({ firestore }),
      leases: createFirestoreLeases({ firestore }),
      attempts: createFirestoreAttempts({ firestore }),
      memo: createFirestoreMemo({ firestore }),
      problems: createFirestoreProblems({ firestore }),
    }));
    const task = sampleTask({ combinations: 1 });
    await store.problems.note(task.id, sampleProblem({ topic: 'complete' }, 1));
    await store.tasks.create(task, { key: 'k', fingerprint: 'f', ttlMs: null });
    await store.pins.write(task.id, 'prepared-0', samplePrepared('zero'));
    await store.reports.report(task.id, sampleReport(1));
    await store.reports.claimCompletion(task.id, 1);
    await store.leases.take('key', 1000);
    await store.attempts.record('key', 'crash');
    await store.attempts.rest('rested', 1000);
    await store.memo.remember('url', 'content');
    await createFirestoreWebhooks({ ...store, seal: SEAL }).ask('a', 1);
    await createFirestoreUsage(store).addSpeech({ bought: 1 });
    await store.memo.settle('key', 'id');
    await store.firestore.run(async ({ db }) => {
      for (const collection of COLLECTIONS) {
        const { docs } = await db.collectionGroup(collection).get();
        assert.ok(docs.length > 0, collection);
        for (const doc of docs) assert.ok(doc.get('expireAt').toMillis() > Date.now(), doc.ref.path);
      }
    });
  });

  it('keeps what belongs to a task for TASK_DAYS and the days that it may run, and memos from their last use on', async () => {
    const DAY_MS = 24 * 3_600_000;
    await using firestore = connectFirestore({ projectId: newProject(), taskDays: 90 });
    const tasks = createFirestoreTasks({ seal: SEAL, firestore });
    const memo = createFirestoreMemo({ firestore });
    const task = sampleTask();
    await tasks.create(task);
    await memo.settle('used', 'id');
    await memo.remember('unused', 'id');
    await firestore.run(async ({ db }) => {
      const { docs } = await db.collection('memos').get();
      const daysLeft = async (path: string) =>
        Math.round(((await db.doc(path).get()).get('expireAt').toMillis() - Date.now()) / DAY_MS);
      assert.equal(await daysLeft(taskAt(db, task.id).path), 92);
      const soon = new Date(Date.now() + 10 * DAY_MS);
      for (const { ref } of docs) await ref.update({ expireAt: soon });
      for (const use of [() => memo.recall(['used', 'never']), () => memo.settle('used', 'another')]) {
        await use();
        const left = await Promise.all(docs.map(({ ref }) => daysLeft(ref.path)));
        assert.deepEqual(
          left.toSorted((one, other) => one - other),
          [10, 95],
        );
      }
    });
  });

  it('keeps all of a task that has not ended, once a day, and nothing of others', async () => {
    const DAY_MS = 24 * 3_600_000;
    await using firestore = connectFirestore({ projectId: newProject(), taskDays: 1 });
    const on = { firestore, seal: SEAL };
    const [tasks, reports, pins] = [
      createFirestoreTasks(on),
      createFirestoreReports(on),
      createFirestorePins(on),
    ];
    const [open, ended, forged] = numbers(3).map(() => sampleTask({ combinations: 3 })) as [Task, Task, Task];
    for (const task of [open, ended, forged]) {
      const own = task === forged ? createFirestoreTasks({ firestore, seal: FORGED_SEAL }) : tasks;
      assert.ok(await own.create(task, { key: `retry/${task.id}`, fingerprint: 'f', ttlMs: DAY_MS }));
      for (const index of [1, 2, 3]) await reports.report(task.id, sampleReport(index));
      await pins.write(task.id, 'prepared-0', samplePrepared('zero'));
      assert.equal(await reports.claimCompletion(task.id), 'claimed');
    }
    await tasks.finish(ended.id);
    const failed: unknown[] = [];
    const options = { firestore, tasks, onFailed: (_: string, error: unknown) => failed.push(error) };
    await firestore.run(async ({ db }) => {
      const all = async () => {
        const groups = ['tasks', 'shards', 'pins', 'renders', 'completion', 'names', 'claims'];
        const found = await Promise.all(groups.map((group) => db.collectionGroup(group).get()));
        return found.flatMap(({ docs }) => docs);
      };
      /** Paths of those that expire later than in two days, with the last id of a name's task. */
      const kept = async () =>
        (await all())
          .filter((doc) => doc.get('expireAt').toMillis() > Date.now() + 2 * DAY_MS)
          .map(({ ref, id }) => `${ref.parent.id}/${ref.parent.id === 'names' ? 'name' : id}`)
          .toSorted();
      for (const { ref } of await all()) await ref.update({ expireAt: new Date(Date.now() + DAY_MS / 2) });

      // A page at a time: what one call leaves, the next one does.
      await createFirestoreRetention({ ...options, most: 1 }).prolong();
      assert.deepEqual(await kept(), ['shards/00000']);
      await createFirestoreRetention(options).prolong();
      const whole = [
        'completion/claim',
        'names/name',
        'pins/prepared-0',
        ...[1, 2, 3].map((index) => `renders/${reportAt(db, open.id, index).id}`).toSorted(),
        'shards/00000',
        `tasks/${open.id}`,
      ];
      assert.deepEqual(await kept(), whole);

      const times = async () => (await all()).map(({ updateTime }) => updateTime.toDate().toISOString());
      const before = await times();
      await createFirestoreRetention(options).prolong();
      assert.deepEqual(await times(), before);
    });
    assert.deepEqual(failed, []);
  });

  it('finds nothing under invalid ids', async () => {
    await using store = await on((firestore) => ({ tasks: createFirestoreTasks({ seal: SEAL, firestore }) }));
    for (const id of ['.', '..', '__x__', 'a/b', 'x'.repeat(5_000), '%']) {
      assert.equal(await store.tasks.get(id), undefined, id.slice(0, 10));
      assert.equal(await store.tasks.progress(id), undefined, id.slice(0, 10));
    }
  });

  it('reads a task and each of its pins once per process', async () => {
    await using store = await on((firestore) => ({
      firestore,
      tasks: createFirestoreTasks({ seal: SEAL, firestore }),
      pins: createFirestorePins({ firestore }),
    }));
    const task = sampleTask();
    await store.tasks.create(task);
    await store.pins.write(task.id, 'prepared-0', samplePrepared('zero'));
    const fresh = { tasks: createFirestoreTasks({ seal: SEAL, ...store }), pins: createFirestorePins(store) };
    await fresh.tasks.get(task.id);
    await fresh.pins.read(task.id, ['prepared-0']);
    await store.firestore.run(async ({ db }) => {
      await taskAt(db, task.id).update({ body: Buffer.from('changed') });
      await db.recursiveDelete(pinsOf(db, task.id));
    });
    assert.deepEqual(await fresh.tasks.get(task.id), task);
    assert.deepEqual(await fresh.pins.read(task.id, ['prepared-0']), [samplePrepared('zero')]);
    assert.equal(await createFirestoreTasks({ seal: SEAL, ...store }).get(task.id), undefined);
  });

  it('does not use a task that another instance has removed, and keeps its short id reserved', async () => {
    await using firestore = connectFirestore({ projectId: newProject() });
    const [one, other] = [SEAL, SEAL].map((seal) => createFirestoreTasks({ firestore, seal }));
    assert.ok(one && other);
    const task = sampleTask();
    await one.create(task);
    await one.finish(task.id);
    assert.deepEqual(await other.get(task.id), task);
    await one.remove(task.id);
    assert.equal(await other.get(task.id), undefined);
    const same = sampleTask({ id: `${task.id.slice(0, 6)}00-0000-4000-8000-000000000001` });
    assert.equal(await one.create(same), false);
  });

  it('frees a claim whose task has expired before it', async () => {
    await using firestore = connectFirestore({ projectId: newProject() });
    const tasks = createFirestoreTasks({ firestore, seal: SEAL });
    const claim = { key: 'k', fingerprint: 'f', ttlMs: null };
    const task = sampleTask();
    await tasks.create(task, claim);
    await firestore.run(({ db }) => taskAt(db, task.id).delete());
    assert.equal(await tasks.claimed('k'), undefined);
    const next = sampleTask({ folder: 'next' });
    assert.equal(await tasks.create(next, claim), true);
    assert.equal((await tasks.claimed('k'))?.taskId, next.id);
  });

  it('lists what others wrote into tasks without failing, and those of earlier versions', async () => {
    await using firestore = connectFirestore({ projectId: newProject() });
    const tasks = createFirestoreTasks({ firestore, seal: SEAL });
    const created = [0, 1, 2].map((at) => sampleTask({ combinations: 1, folder: String(at) }));
    for (const task of created) await tasks.create(task);
    const [odd, earlier, plain] = created.map(({ id }) => id) as [string, string, string];
    await createFirestoreReports({ firestore, seal: SEAL }).report(earlier, sampleReport(1));
    await tasks.finish(earlier);
    const ODD = [
      null,
      true,
      7.5,
      'x'.repeat(2_000),
      [1, null],
      { succeeded: 'many', failed: -1 },
      Buffer.from('x'),
    ];
    await firestore.run(async ({ db, sdk }) => {
      const gone = sdk.FieldValue.delete();
      const added = { ended: gone, totals: gone, createdAt: gone, sources: gone, renders: gone };
      await taskAt(db, earlier).update(added);
      await db.collection('tasks').doc('no task').set({ storedAt: sdk.Timestamp.now() });
      await db.collection('tasks').doc(randomUUID()).set({ storedAt: 'yesterday' });
      for (const value of ODD) {
        const fields = ['name', 'createdAt', 'combinations', 'cancelled', 'finishedAt', 'ended', 'totals'];
        const changed = [...fields, 'sources', 'renders'].map((field) => [field, value]);
        await taskAt(db, odd).update(Object.fromEntries(changed));
        for (const { ref } of (await shardsOf(db, odd).get()).docs)
          await ref.update({
            succeeded: value,
            failed: value,
            cancelled: value,
            succeededAt: value,
            targets: value,
          });
        const deps = {
          tasks,
          leases: createFirestoreLeases({ firestore }),
          pins: createFirestorePins({ firestore }),
        };
        const answer = await listTasks('http://127.0.0.1:8080', new URLSearchParams(), deps);
        const list = (await answer.json()) as TaskList;
        assert.deepEqual(
          list.tasks.map(({ task_id }) => task_id),
          [plain, earlier, odd],
        );
        const { status, succeeded, percent, created_at } = list.tasks[1] as TaskList['tasks'][number];
        assert.deepEqual([status, succeeded, percent], ['completed', 1, 100]);
        for (const time of [created_at, list.tasks[2]?.created_at]) assert.match(String(time), /^20.*Z$/);
        assert.ok(Buffer.byteLength(JSON.stringify(list)) < 10_000);
      }
    });
  });

  it('leaves the tasks of a newer release to it, and uses those of an earlier one, which have no version', async () => {
    await using firestore = connectFirestore({ projectId: newProject() });
    const [newer, earlier] = ['newer', 'earlier'].map((folder) => sampleTask({ folder })) as [Task, Task];
    const tasks = createFirestoreTasks({ firestore, seal: SEAL });
    for (const task of [newer, earlier]) await tasks.create(task);
    await firestore.run(async ({ db, sdk }) => {
      assert.equal((await taskAt(db, newer.id).get()).get('version'), 1);
      await taskAt(db, newer.id).update({ version: 2 });
      await taskAt(db, earlier.id).update({ version: sdk.FieldValue.delete() });
    });
    // Of an instance that does not know them.
    const others = createFirestoreTasks({ firestore, seal: SEAL });
    assert.deepEqual(await others.get(earlier.id), earlier);
    await assert.rejects(others.get(newer.id), (error) => {
      assert.ok(TransientError.is(error));
      assert.match(
        error.message,
        /in version 1 or older, got 2: a newer release stored it. Next step: deploy/,
      );
      // Longer than a delivery: it is handed back at once.
      assert.equal(error.retryAfterMs, 600_000);
      return true;
    });
  });

  it('closes at any moment of a read, and leaves no rejection unhandled', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    for (const moment of numbers(30)) {
      const firestore = connectFirestore({ projectId: newProject() });
      const pins = createFirestorePins({ firestore });
      const reading = pins.read('task', ['prepared-0']);
      reading.catch(() => {});
      if (moment % 3 > 0) await pins.read('task', ['profile']);
      for (const _ of numbers(moment >> 1)) await new Promise(setImmediate);
      await firestore[Symbol.asyncDispose]();
    }
    await sleep(100);
    process.off('unhandledRejection', note);
    assert.deepEqual(unhandled, []);
  });

  it('treats a store that does not answer as transient', async () => {
    await using store = await on(
      (firestore) => ({ tasks: createFirestoreTasks({ seal: SEAL, firestore }) }),
      async (firestore) => {
        await firestore.run(async ({ db }) => {
          (db as unknown as { request: () => Promise<never> }).request = () =>
            Promise.reject(Object.assign(new Error('unavailable'), { code: 14 }));
        });
      },
    );
    await assert.rejects(
      store.tasks.markPublished('a'),
      (error) => TransientError.is(error) && error.code === 'platform_unavailable',
    );
  });
});
