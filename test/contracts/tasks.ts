import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Claim } from '../../functions/model/task.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { type ContractOptions, type Harness, numbers, TIMEOUT_MS } from './harness.ts';
import { sampleTask } from './samples.ts';

export interface TaskHarness extends Harness<TaskStore> {
  /** On the same storage, of someone without the key. */
  forged: TaskStore;
  /** Copies content and seal of a stored task over those of another one. */
  copyBody(from: string, to: string): Promise<void>;
}

export function taskContract(
  name: string,
  open: () => Promise<TaskHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps tasks`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('returns a task as it was stored', async () => {
      await using harness = await open();
      const task = sampleTask({ combinations: 1000 });
      assert.equal(await harness.store.create(task), true);
      assert.deepEqual(await harness.store.get(task.id), task);
    });

    it('does not use a task that was stored without the key, changed, or copied from another id', async () => {
      await using harness = await open();
      const [task, other] = [sampleTask({ folder: 'a' }), sampleTask({ folder: 'b' })];
      await harness.forged.create(task);
      await harness.store.create(other);
      for (const _ of numbers(2)) assert.equal(await harness.store.get(task.id), undefined);
      await harness.copyBody(other.id, task.id);
      assert.equal(await harness.store.get(task.id), undefined, 'the body and seal of another task');
      assert.deepEqual(await harness.store.get(other.id), other);
    });

    it('finds nothing under an unknown id', async () => {
      await using harness = await open();
      assert.equal(await harness.store.get('nobody'), undefined);
      assert.equal(await harness.store.progress('nobody'), undefined);
    });

    it('refuses a second task with the same short id in the same folder, and stores nothing of it', async () => {
      await using harness = await open();
      const first = sampleTask({ id: 'abcdef01-0000-4000-8000-000000000001' });
      const second = sampleTask({ id: 'abcdef02-0000-4000-8000-000000000002' });
      assert.equal(await harness.store.create(first), true);
      assert.equal(await harness.store.create(second), false);
      assert.equal(await harness.store.get(second.id), undefined);
      assert.equal(await harness.store.progress(second.id), undefined);
      assert.deepEqual(await harness.store.unfinished(10), [first.id]);
    });

    it('accepts the same short id in different folders', async () => {
      await using harness = await open();
      const ids = ['abcdef01-0000-4000-8000-000000000001', 'abcdef02-0000-4000-8000-000000000002'];
      for (const id of ids) assert.equal(await harness.store.create(sampleTask({ id, folder: id })), true);
    });

    it('stores exactly one of three concurrent tasks with the same short id', async () => {
      await using harness = await open();
      const tasks = numbers(3).map((at) => sampleTask({ id: `abcdef0${at}-0000-4000-8000-000000000000` }));
      const created = await Promise.all(tasks.map((task) => harness.store.create(task)));
      assert.equal(created.filter(Boolean).length, 1);
      assert.equal((await harness.store.unfinished(10)).length, 1);
    });

    it('starts unpublished, with nothing counted', async () => {
      await using harness = await open();
      const { id } = await stored(harness.store);
      assert.deepEqual(await harness.store.progress(id), {
        published: false,
        succeeded: 0,
        failed: 0,
        cancelled: 0,
        cancelRequested: false,
        succeededAt: [],
        targets: {},
        finishedAt: null,
      });
    });

    it('is published after the first mark and stays published', async () => {
      await using harness = await open();
      const { id } = await stored(harness.store);
      for (const _ of numbers(2)) {
        await harness.store.markPublished(id);
        assert.equal((await harness.store.progress(id))?.published, true);
      }
    });

    it('lists unfinished tasks oldest first, page by page', async () => {
      await using harness = await open();
      const ids: string[] = [];
      for (const _ of numbers(5)) ids.push((await stored(harness.store)).id);
      await harness.store.finish(ids[1] as string);
      const left = ids.filter((_, at) => at !== 1);
      assert.deepEqual(await harness.store.unfinished(10), left);
      assert.equal(await harness.store.countOpen(), left.length);
      assert.deepEqual(await harness.store.unfinished(2), left.slice(0, 2));
      assert.deepEqual(await harness.store.unfinished(2, left[1]), left.slice(2));
      assert.deepEqual(await harness.store.unfinished(2, left[3]), []);
      assert.deepEqual(await harness.store.unfinished(10, ids[1]), left.slice(1), 'after a finished task');
    });

    it('is cancelled from the first call on, finished or not', async () => {
      await using harness = await open();
      const { id } = await stored(harness.store);
      const other = await stored(harness.store);
      assert.equal(await harness.store.isCancelled(id), false);
      await harness.store.finish(other.id);
      for (const task of [id, id, other.id]) {
        await harness.store.cancel(task);
        assert.equal(await harness.store.isCancelled(task), true);
        assert.equal((await harness.store.progress(task))?.cancelRequested, true);
      }
      assert.equal(await harness.store.isCancelled((await stored(harness.store)).id), false);
      assert.equal(await harness.store.isCancelled('nobody'), false);
    });

    it('gives a claim to one task, returns its holder, and stores nothing of later tasks', async () => {
      await using harness = await open();
      const claim = { key: 'request/a/b?c', fingerprint: 'one', ttlMs: 60_000 };
      assert.equal(await harness.store.claimed(claim.key), undefined);
      const tasks = numbers(5).map((at) => sampleTask({ folder: `folder-${at}` }));
      const created = await Promise.all(tasks.map((task) => harness.store.create(task, claim)));
      assert.equal(created.filter(Boolean).length, 1);
      const first = tasks[created.indexOf(true)];
      assert.deepEqual(await harness.store.claimed(claim.key), { taskId: first?.id, fingerprint: 'one' });
      assert.deepEqual(await harness.store.unfinished(10), [first?.id]);

      assert.equal(await harness.store.create(sampleTask(), { ...claim, fingerprint: 'two' }), false);
      assert.equal((await harness.store.claimed(claim.key))?.fingerprint, 'one');
      assert.equal(await harness.store.create(sampleTask(), { ...claim, key: 'request/other' }), true);
    });

    it('gives names without an id to one task of a folder, for good', async () => {
      await using harness = await open();
      const folder = { id: 'folder-1', location: '/videos/folder-1' };
      assert.equal(await harness.store.namesTaken(folder), false);
      await harness.store.create(sampleTask());
      assert.equal(await harness.store.namesTaken(folder), false);
      const tasks = numbers(5).map(() => sampleTask());
      const created = await Promise.all(tasks.map((task) => harness.store.create(task, undefined, true)));
      assert.equal(created.filter(Boolean).length, 1);
      const first = tasks[created.indexOf(true)];
      await harness.store.finish(first?.id ?? '');
      await harness.store.remove(first?.id ?? '');
      for (const id of ['folder-1', 'FOLDER-1']) {
        assert.equal(await harness.store.namesTaken({ ...folder, id }), true);
        assert.equal(await harness.store.create(sampleTask({ folder: id }), undefined, true), false);
      }
      assert.equal(await harness.store.create(sampleTask()), true);
      assert.equal(await harness.store.namesTaken({ ...folder, id: 'folder-2' }), false);
      assert.equal(await harness.store.create(sampleTask({ folder: 'folder-2' }), undefined, true), true);
    });

    it('takes no names for a task whose claim another one has', async () => {
      await using harness = await open();
      const claim = { key: 'request/a', fingerprint: 'one', ttlMs: 60_000 };
      const task = sampleTask();
      assert.equal(await harness.store.create(task, claim), true);
      assert.equal(await harness.store.create(sampleTask(), claim, true), false);
      assert.equal(await harness.store.namesTaken(task.folder), false);
    });

    it('gives a claim away that someone without the key has made', async () => {
      await using harness = await open();
      const claim = { key: 'k', fingerprint: 'f', ttlMs: 60_000 };
      await harness.forged.create(sampleTask({ folder: 'a' }), claim);
      assert.equal(await harness.store.claimed('k'), undefined);
      const task = sampleTask({ folder: 'b' });
      assert.equal(await harness.store.create(task, claim), true);
      assert.equal((await harness.store.claimed('k'))?.taskId, task.id);
    });

    it('frees a claim when it expires, and never one without an expiry', async () => {
      await using harness = await open();
      const task = () => stored(harness.store, { key: 'short', fingerprint: 'f', ttlMs: 500 });
      const first = await task();
      assert.equal((await harness.store.claimed('short'))?.taskId, first.id);
      await stored(harness.store, { key: 'for ever', fingerprint: 'f', ttlMs: null });
      await pause(700);
      assert.equal(await harness.store.claimed('short'), undefined);
      const second = await task();
      assert.equal((await harness.store.claimed('short'))?.taskId, second.id);
      assert.ok(await harness.store.claimed('for ever'));
    });

    it('claims nothing for a task that it does not store', async () => {
      await using harness = await open();
      const ids = ['abcdef01-0000-4000-8000-000000000001', 'abcdef02-0000-4000-8000-000000000002'];
      const [first, second] = ids.map((id) => sampleTask({ id }));
      assert.ok(first && second);
      assert.equal(await harness.store.create(first), true);
      assert.equal(await harness.store.create(second, { key: 'k', fingerprint: 'f', ttlMs: null }), false);
      assert.equal(await harness.store.claimed('k'), undefined);
    });

    it('keeps the time of the first finish, also for repeated and concurrent calls', async () => {
      await using harness = await open();
      const { id } = await stored(harness.store);
      const times = await Promise.all(numbers(3).map(() => harness.store.finish(id)));
      await pause(5);
      times.push(await harness.store.finish(id));
      assert.equal(new Set(times).size, 1, `got ${times.join(', ')}`);
      assert.equal((await harness.store.progress(id))?.finishedAt, times[0]);
    });

    it('keeps the time that the first finish names', async () => {
      await using harness = await open();
      const { id } = await stored(harness.store);
      const at = Date.now() - 12_345;
      assert.equal(await harness.store.finish(id, at), at);
      assert.equal(await harness.store.finish(id, at + 1), at);
      assert.equal((await harness.store.progress(id))?.finishedAt, at);
    });
  });
}

/** Stores a task in its own folder; the next one gets a later time. */
async function stored(store: TaskStore, claim?: Claim) {
  await pause(2);
  const task = sampleTask();
  task.folder.id = task.id;
  assert.equal(await store.create(task, claim), true);
  return task;
}
