import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PACED_SUCCESSES } from '../../functions/model/pace.ts';
import type { TargetReport } from '../../functions/model/target-checks.ts';
import type { LeaseStore } from '../../functions/ports/leases.ts';
import type { ReportStore } from '../../functions/ports/reports.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { sampleReport, sampleTask } from './samples.ts';

export interface ReportHarness extends AsyncDisposable {
  tasks: TaskStore;
  reports: ReportStore;
  leases: LeaseStore;
  /** On the same storage, of someone without the key. */
  forged: ReportStore;
}

export function reportContract(
  name: string,
  open: () => Promise<ReportHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} counts reports`, { timeout: TIMEOUT_MS, ...options }, () => {
    it('counts each kind of report separately and returns each unchanged', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 6);
      const statuses = ['succeeded', 'failed', 'cancelled', 'failed', 'succeeded', 'succeeded'] as const;
      const reports = statuses.map((status, at) =>
        sampleReport(at + 1, {
          status,
          error: status === 'failed' ? { code: 'mix_failed', message: 'No', stage: 'mix' } : null,
        }),
      );
      for (const report of reports) assert.equal(await harness.reports.report(id, report), true);
      const progress = await harness.tasks.progress(id);
      assert.deepEqual([progress?.succeeded, progress?.failed, progress?.cancelled], [3, 2, 1]);
      assert.deepEqual(await harness.reports.list(id, 1, 6), reports);
    });

    it('counts how videos did for their targets, each once', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 4);
      assert.deepEqual((await harness.tasks.progress(id))?.targets, {});
      const reels: TargetReport = { target: 'reels', passed: ['fps'], others: [] };
      const noted: TargetReport = { ...reels, others: [['gop', 'note', 2]] };
      const missed: TargetReport = { ...noted, target: 'tiktok', others: [['length', 'missed', 601]] };
      for (const [at, targets] of [[reels, missed], [noted, missed], [reels]].entries()) {
        const report = sampleReport(at + 1, { targets });
        assert.equal(await harness.reports.report(id, report), true);
        assert.equal(await harness.reports.report(id, report), false);
      }
      await harness.reports.report(id, sampleReport(4));
      assert.deepEqual((await harness.tasks.progress(id))?.targets, {
        reels_pass: 2,
        reels_note: 1,
        tiktok_missed: 2,
      });
    });

    it('keeps the first report of a combination and counts no second one', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 2);
      assert.equal(await harness.reports.report(id, sampleReport(1)), true);
      assert.equal(await harness.reports.report(id, sampleReport(1)), false);
      assert.equal(await harness.reports.report(id, sampleReport(1, { status: 'failed' })), false);
      const progress = await harness.tasks.progress(id);
      assert.deepEqual([progress?.succeeded, progress?.failed], [1, 0]);
      assert.deepEqual(await harness.reports.list(id, 1, 2), [sampleReport(1)]);
    });

    it('shows no report that was stored without the key, and replaces it', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 3);
      for (const index of [1, 2])
        await harness.forged.report(id, sampleReport(index, { fileName: 'evil.mp4' }));
      assert.deepEqual(await harness.reports.list(id, 1, 1), []);
      assert.deepEqual(await harness.reports.list(id, 1, 3), []);
      assert.equal(await harness.reports.report(id, sampleReport(1)), true);
      assert.equal(await harness.reports.report(id, sampleReport(1)), false);
      assert.deepEqual(await harness.reports.list(id, 1, 3), [sampleReport(1)]);
    });

    it('counts one of three concurrent reports for the same combination', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 2);
      const counted = await Promise.all(numbers(3).map(() => harness.reports.report(id, sampleReport(1))));
      assert.equal(counted.filter(Boolean).length, 1);
      assert.equal((await harness.tasks.progress(id))?.succeeded, 1);
    });

    it('counts 200 reports at once exactly, with every tenth sent twice, and a caller sees them complete', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 200);
      const indexes = numbers(200).map((at) => at + 1);
      const sent = [...indexes, ...indexes.filter((index) => index % 10 === 0)];
      const outcomes = await Promise.all(
        sent.map(async (index) => ({
          counted: await harness.reports.report(id, sampleReport(index)),
          completion: await harness.reports.claimCompletion(id, index),
        })),
      );
      assert.equal(outcomes.filter(({ counted }) => counted).length, 200);
      assert.equal((await harness.tasks.progress(id))?.succeeded, 200);
      assert.ok(outcomes.some(({ completion }) => completion === 'claimed'));
    });

    it('lists a range in order, with gaps for missing reports', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 12);
      for (const index of [11, 2, 10, 5, 3]) await harness.reports.report(id, sampleReport(index));
      const listed = async (from: number, to: number) =>
        (await harness.reports.list(id, from, to)).map(({ index }) => index);
      assert.deepEqual(await listed(2, 10), [2, 3, 5, 10]);
      assert.deepEqual(await listed(6, 9), []);
    });

    it('keeps when the latest videos succeeded, in order, and not when others failed', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 80);
      const times = async () => (await harness.tasks.progress(id))?.succeededAt ?? [];
      const began = Date.now();
      await harness.reports.report(id, sampleReport(1, { status: 'failed' }));
      await harness.reports.report(id, sampleReport(2, { status: 'cancelled' }));
      assert.deepEqual(await times(), []);
      for (const index of numbers(PACED_SUCCESSES + 3).map((at) => at + 3)) {
        await harness.reports.report(id, sampleReport(index));
        await pause(3);
      }
      const found = await times();
      assert.equal(found.length, PACED_SUCCESSES);
      assert.deepEqual(
        found,
        found.toSorted((one, other) => one - other),
      );
      assert.ok(began <= (found[0] ?? 0) && (found.at(-1) ?? 0) <= Date.now(), String(found));
    });

    it('stores cancelled reports at once, except where one exists or someone has the lease or died with it', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 450);
      const keys = numbers(450).map((at) => `render/${id}/${at + 1}`);
      const keyOf = (index: number) => keys[index - 1] as string;
      await harness.reports.report(id, sampleReport(1));
      assert.ok(await harness.leases.take(keyOf(2), TIMEOUT_MS));
      assert.ok(await harness.leases.take(keyOf(3), 1));
      const released = await harness.leases.take(keyOf(4), TIMEOUT_MS);
      assert.ok(released);
      await harness.leases.release(released);
      await pause(20);
      const cancelled = keys.map((_, at) => sampleReport(at + 1, { status: 'cancelled' }));
      const rest = numbers(447).map((at) => at + 4);
      assert.deepEqual(await harness.reports.reportIdle(id, cancelled, keys), rest);
      assert.deepEqual(await harness.reports.reportIdle(id, cancelled, keys), [], 'the second time');
      assert.deepEqual(await harness.reports.reportIdle(id, [], []), []);
      const counts = await harness.tasks.progress(id);
      assert.deepEqual([counts?.succeeded, counts?.cancelled], [1, 447]);
      assert.deepEqual(await harness.reports.list(id, 2, 5), cancelled.slice(3, 5));
      assert.equal(await harness.reports.report(id, sampleReport(5)), false);
      assert.ok(await harness.leases.take(keyOf(5), TIMEOUT_MS), 'the lease is free');
      for (const index of [2, 3]) await harness.reports.report(id, sampleReport(index));
      assert.equal(await harness.reports.claimCompletion(id, 3), 'claimed');
    });

    it('stores no cancelled report of work that has begun under its lease, however the two meet', async () => {
      await using harness = await open();
      const { reports, leases } = harness;
      const id = await storedTask(harness, 40);
      const indexes = numbers(40).map((at) => at + 1);
      const keys = indexes.map((index) => `render/${id}/${index}`);
      const cancelled = indexes.map((index) => sampleReport(index, { status: 'cancelled' }));
      const begun: number[] = [];
      const make = async (index: number) => {
        await pause(Math.random() * 40);
        const lease = await leases.take(keys[index - 1] as string, TIMEOUT_MS);
        if (lease === undefined || (await reports.list(id, index, index)).length > 0) return;
        begun.push(index);
        assert.equal(await reports.report(id, sampleReport(index)), true, `the report of ${index}`);
        await leases.release(lease);
      };
      const [counted] = await Promise.all([
        pause(15).then(() => reports.reportIdle(id, cancelled, keys)),
        ...indexes.map(make),
      ]);
      assert.deepEqual(
        [...counted, ...begun].toSorted((one, other) => one - other),
        indexes,
      );
      const progress = await harness.tasks.progress(id);
      assert.deepEqual([progress?.succeeded, progress?.cancelled], [begun.length, counted.length]);
      assert.equal(await reports.claimCompletion(id), 'claimed');
    });

    it('keeps tasks apart', async () => {
      await using harness = await open();
      const [one, other] = [await storedTask(harness, 1), await storedTask(harness, 1)];
      await harness.reports.report(one, sampleReport(1));
      assert.equal(await harness.reports.claimCompletion(other, 1), 'open');
      assert.equal((await harness.tasks.progress(other))?.succeeded, 0);
      assert.deepEqual(await harness.reports.list(other, 1, 1), []);
    });

    it('cannot be claimed while a report is missing, whichever index asks', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 2);
      assert.equal(await harness.reports.claimCompletion(id), 'open');
      await harness.reports.report(id, sampleReport(2));
      assert.equal(await harness.reports.claimCompletion(id, 2), 'open');
      assert.equal(await harness.reports.claimCompletion(id), 'open');
    });

    it('can be claimed by every check once all reports are in, until it is marked as published', async () => {
      await using harness = await open();
      const id = await storedTask(harness, 2);
      await harness.reports.report(id, sampleReport(1, { status: 'failed' }));
      await harness.reports.report(id, sampleReport(2, { status: 'cancelled' }));
      // The claim holder may die before publishing; the check of a redelivered or late report must then publish.
      assert.equal(await harness.reports.claimCompletion(id, 2), 'claimed');
      assert.equal(await harness.reports.claimCompletion(id, 1), 'claimed');
      assert.equal(await harness.reports.claimCompletion(id), 'claimed');
      await harness.reports.markCompletionPublished(id);
      await harness.reports.markCompletionPublished(id);
      assert.equal(await harness.reports.report(id, sampleReport(1)), false);
      assert.equal(await harness.reports.claimCompletion(id, 1), 'published');
      assert.equal(await harness.reports.claimCompletion(id), 'published');
    });
  });
}

async function storedTask({ tasks }: ReportHarness, combinations: number): Promise<string> {
  const task = sampleTask({ combinations });
  task.folder.id = task.id;
  await tasks.create(task);
  return task.id;
}
