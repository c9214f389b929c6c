import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { Report } from '../../functions/model/report.ts';
import type { Claim, Task } from '../../functions/model/task.ts';
import { outlineOf, type TaskPosition, type WantedTasks } from '../../functions/model/task-summary.ts';
import type { PinStore } from '../../functions/ports/pins.ts';
import type { ReportStore } from '../../functions/ports/reports.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { SAMPLE_PROFILE, sampleReport, sampleTask } from './samples.ts';

export interface TaskListHarness extends AsyncDisposable {
  tasks: TaskStore;
  reports: ReportStore;
  pins: PinStore;
}

type Ends = readonly Report['status'][];

export function taskListContract(
  name: string,
  open: () => Promise<TaskListHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} lists and removes tasks`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('shows what a list needs, as the task and its progress have it', async () => {
      await using s = await open();
      const task = await stored(s, 'a', ['succeeded', 'failed'], { open: true });
      const [before] = (await s.tasks.list({ limit: 5 })).tasks;
      await s.tasks.cancel(task.id);
      await s.reports.report(task.id, sampleReport(3, { status: 'cancelled' }));
      const [counted] = (await s.tasks.list({ limit: 5 })).tasks;
      const finishedAt = await s.tasks.finish(task.id);
      const [ended] = (await s.tasks.list({ limit: 5 })).tasks;
      const same = {
        id: task.id,
        name: 'a',
        createdAt: task.createdAt,
        combinations: 3,
        outline: outlineOf(task.plan),
        position: before?.position,
      };
      const counts = { succeeded: 1, failed: 1 };
      const isOpen = { ended: null, finishedAt: null };
      assert.deepEqual(before, { ...same, ...counts, cancelled: 0, cancelRequested: false, ...isOpen });
      assert.deepEqual(counted, { ...same, ...counts, cancelled: 1, cancelRequested: true, ...isOpen });
      assert.deepEqual(ended, {
        ...same,
        ...counts,
        cancelled: 1,
        cancelRequested: true,
        ended: 'cancelled',
        finishedAt,
      });
    });

    it('lists the newest first, and each once, while tasks arrive and others are removed', async () => {
      await using s = await open();
      assert.deepEqual(await s.tasks.list({ limit: 2 }), { tasks: [], next: undefined });
      const ids: string[] = [];
      for (const _ of numbers(6)) ids.unshift((await stored(s)).id);
      const first = await s.tasks.list({ limit: 2 });
      assert.deepEqual(idsOf(first), ids.slice(0, 2));
      // The task at the end of the page, the first one of the next page, and a new one.
      await s.tasks.remove(ids[1] as string);
      await s.tasks.remove(ids[2] as string);
      const added = (await stored(s)).id;
      const second = await s.tasks.list({ limit: 2, after: first.next });
      assert.deepEqual(idsOf(second), ids.slice(3, 5));
      assert.deepEqual(second.tasks[0]?.position.id, ids[3]);
      const afterOne = await s.tasks.list({ limit: 1, after: second.tasks[0]?.position });
      assert.deepEqual(idsOf(afterOne), [ids[4]], 'after any of its tasks');
      const third = await s.tasks.list({ limit: 2, after: second.next });
      assert.deepEqual([idsOf(third), third.next], [[ids[5]], undefined]);
      assert.deepEqual(idsOf(await s.tasks.list({ limit: 9 })), [added, ids[0], ...ids.slice(3)]);
    });

    it('lists those of a name, those that ended in one way, those that have not, and both together', async () => {
      await using s = await open();
      const made: Task[] = [];
      const ends: [string, Ends][] = [
        ['a', ['succeeded']],
        ['b', ['succeeded']],
        ['a', ['failed']],
        ['a', ['succeeded']],
        ['a', ['succeeded', 'failed']],
        ['A', []],
        ['a', []],
      ];
      for (const [own, how] of ends) made.unshift(await stored(s, own, how, { open: how.length === 0 }));
      const at = (...places: number[]) => places.map((place) => made.toReversed()[place]?.id);
      for (const [wanted, places] of [
        [{ name: 'a' }, [6, 4, 3, 2, 0]],
        [{ name: 'A' }, [5]],
        [{ name: 'nobody' }, []],
        [{ ended: 'completed' }, [3, 1, 0]],
        [{ ended: 'failed' }, [2]],
        [{ ended: 'cancelled' }, []],
        [{ ended: 'open' }, [6, 5]],
        [{ name: 'a', ended: 'completed' }, [3, 0]],
        [{ name: 'a', ended: 'partial' }, [4]],
        [{ name: 'a', ended: 'open' }, [6]],
      ] as const) {
        assert.deepEqual(await allPages(s.tasks, wanted), at(...places), JSON.stringify(wanted));
      }
    });

    it('removes a task with its reports, its pins and its claim, and nothing else', async () => {
      await using s = await open();
      const claim = { key: 'request/k', fingerprint: 'f', ttlMs: 60_000 };
      const task = await stored(s, 'a', ['succeeded', 'failed'], { claim });
      const other = await stored(s, 'a', ['succeeded'], { claim: { ...claim, key: 'request/other' } });
      await s.tasks.get(task.id);
      for (const _ of numbers(2)) {
        await s.tasks.remove(task.id);
        assert.equal(await s.tasks.get(task.id), undefined);
        assert.equal(await s.tasks.progress(task.id), undefined);
        assert.equal(await s.tasks.isCancelled(task.id), false);
        assert.deepEqual(await s.reports.list(task.id, 1, 9), []);
        assert.equal((await s.pins.count(task.id)).all, 0);
        assert.equal(await s.tasks.claimed(claim.key), undefined);
        assert.deepEqual(idsOf(await s.tasks.list({ limit: 9 })), [other.id]);
      }
      assert.deepEqual(await s.tasks.get(other.id), other);
      assert.equal((await s.reports.list(other.id, 1, 9)).length, 1);
      assert.equal((await s.pins.count(other.id)).all, 1);
      assert.equal((await s.tasks.claimed('request/other'))?.taskId, other.id);
      const again = await stored(s, 'a', [], { claim });
      assert.equal((await s.tasks.claimed(claim.key))?.taskId, again.id);
    });

    it('removes a task with many reports', async () => {
      await using s = await open();
      const task = await stored(s, 'a', ['succeeded']);
      const indexes = numbers(900).map((at) => at + 1);
      const many = sampleTask({ combinations: indexes.length, folder: 'many' });
      await s.tasks.create(many);
      const cancelled = indexes.map((index) => sampleReport(index, { status: 'cancelled' }));
      await s.reports.reportIdle(
        many.id,
        cancelled,
        indexes.map((index) => `render/${many.id}/${index}`),
      );
      await s.tasks.finish(many.id);
      await s.tasks.remove(many.id);
      assert.deepEqual(await s.reports.list(many.id, 1, 900), []);
      assert.deepEqual(idsOf(await s.tasks.list({ limit: 9 })), [task.id]);
    });
  });
}

function idsOf({ tasks }: { tasks: readonly { id: string }[] }): string[] {
  return tasks.map(({ id }) => id);
}

/** Two at a time. */
async function allPages(tasks: TaskStore, wanted: Omit<WantedTasks, 'limit'>): Promise<string[]> {
  const ids: string[] = [];
  let after: TaskPosition | undefined;
  do {
    const page = await tasks.list({ ...wanted, limit: 2, after });
    ids.push(...idsOf(page));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

/** Stores a task of that name, with one report for each end and, if it is open, a combination more. */
async function stored(
  { tasks, reports, pins }: TaskListHarness,
  name = 'a',
  ends: Ends = ['succeeded'],
  { open = false, claim }: { open?: boolean; claim?: Claim } = {},
): Promise<Task> {
  await pause(2);
  const task = sampleTask({ combinations: ends.length + (open ? 1 : 0) });
  Object.assign(task, { name, folder: { id: task.id, location: task.id } });
  assert.ok(await tasks.create(task, claim));
  for (const [at, status] of ends.entries()) await reports.report(task.id, sampleReport(at + 1, { status }));
  await pins.write(task.id, 'profile', SAMPLE_PROFILE);
  if (!open) await tasks.finish(task.id);
  return task;
}
