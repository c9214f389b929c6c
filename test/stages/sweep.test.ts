import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { TransientError } from '../../functions/base/errors.ts';
import { idleKey, prepareKey, renderKey } from '../../functions/coordination/lease-keys.ts';
import type { Combination } from '../../functions/model/plan.ts';
import type { Problem } from '../../functions/model/problem.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Task } from '../../functions/model/task.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { IDLE_LIMIT_MS, sweep, WORKED_ON_LIMIT_MS } from '../../functions/stages/sweep.ts';
import { until } from '../contracts/harness.ts';
import { sampleProblem } from '../contracts/problems.ts';
import { delivery, useStages } from '../fixtures/hosts/stages.ts';
import { measureHere } from '../fixtures/telemetry/scrape.ts';

describe('the sweep', () => {
  const s = useStages();

  const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

  test('publishes a task whose publishing was interrupted, and leaves a fresh one alone', async () => {
    await s.createTask({ name: 'fresh' });
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [0, 0]);
    const task = await s.createTask({ name: 'old', createdAt: minutesAgo(5) });
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [2, 2]);
    assert.equal((await s.deps.tasks.progress(task.id))?.published, true);
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [2, 2]);
  });

  test('makes up for a completion check that a process died before making', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const report = (await s.deps.reports.list(task.id, 1, 1))[0] as Report;
    await s.deps.reports.report(task.id, { ...report, index: 2 });
    await sweep(s.deps);
    assert.equal(s.waiting()['complete'], 1);
  });

  test('cancels what the process that cancelled a task died before ending, and asks what is being made to end', async () => {
    const task = await s.createTask();
    const held = await s.deps.leases.take(renderKey(task.id, 2), 60_000, 'another message');
    assert.ok(held);
    await s.deps.tasks.cancel(task.id);
    await sweep(s.deps);
    const statuses = async () => (await s.deps.reports.list(task.id, 1, 2)).map(({ status }) => status);
    assert.deepEqual(await statuses(), ['cancelled']);
    assert.equal(s.waiting()['render'], 1);
    assert.deepEqual(
      s.logged('sweep.repaired').map(({ repair }) => repair),
      ['cancelled the rest of its combinations'],
    );
    await s.deps.leases.release(held);
    // Ends the minute in which the others may end by themselves.
    s.local.endRests();
    await sweep(s.deps);
    assert.deepEqual(await statuses(), ['cancelled', 'cancelled']);
    assert.equal(s.waiting()['complete'], 1);
  });

  test('reaches every task, even after one that cannot be repaired', async () => {
    const many = await Promise.all(
      Array.from({ length: 105 }, (_, at) => s.createTask({ name: `task ${at}`, createdAt: minutesAgo(5) })),
    );
    const broken = many[0]?.id;
    const tasks = {
      ...s.deps.tasks,
      get: (id: string) => (id === broken ? Promise.reject(new Error('unreadable')) : s.deps.tasks.get(id)),
    };
    await sweep({ ...s.deps, tasks });
    assert.equal(s.waiting()['render'], 104 * 2);
    assert.equal(s.logged('sweep.failed').length, 1);
  });

  test('requests a completion again only after ten minutes', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    for (const index of [1, 2]) await s.renderOne(task, index);
    assert.equal(s.waiting()['complete'], 1);
    const lost = { ...s.deps, queue: { publish: s.deps.queue.publish } };
    await sweep(lost);
    await sweep(lost);
    assert.equal(s.waiting()['complete'], 1);
    // Ends the ten minutes that began with the first sweep.
    s.local.endRests();
    await sweep(lost);
    assert.equal(s.waiting()['complete'], 2);
    assert.equal(s.logged('sweep.repaired').length, 1);
  });

  test('requests no completion while the message waits or is being handled, however long, and says nothing', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    for (const index of [1, 2]) await s.renderOne(task, index);
    const sweeps = async () => {
      for (let times = 0; times < 3; times++) {
        await sweep(s.deps);
        s.local.endRests();
      }
    };
    await sweeps();
    assert.equal(s.waiting()['complete'], 1);
    const handled = Promise.withResolvers<void>();
    const consumer = s.local.queue.consume('complete', { concurrency: 1, handler: () => handled.promise });
    await sweeps();
    assert.deepEqual(s.local.queue.counts().complete, { waiting: 0, inFlight: 1, quarantined: 0 });
    assert.deepEqual(s.logged('sweep.repaired'), []);
    // Acknowledged, although the task has not ended.
    handled.resolve();
    await consumer.stop();
    await sweep(s.deps);
    s.local.endRests();
    await sweep(s.deps);
    assert.deepEqual([s.waiting()['complete'], s.logged('sweep.repaired').length], [1, 1]);
  });

  describe('and a task without progress', () => {
    const HOUR_MS = 3_600_000;
    const EVERY_MS = 1_200_000;
    let at: number;

    beforeEach(() => {
      at = Date.now();
    });
    /** Sweeps as the scheduler does for so long, while a render has that problem. */
    async function sweepFor(ms: number, problem?: () => Partial<Problem>): Promise<void> {
      const latest = async () =>
        problem ? [sampleProblem({ topic: 'render', index: 1 }, at, problem())] : [];
      for (const end = at + ms; at < end; ) {
        at += EVERY_MS;
        await sweep({ ...s.deps, everyMs: EVERY_MS, now: () => at, problems: { latest } });
      }
    }
    const codes = async (task: Task) =>
      (await s.deps.reports.list(task.id, 1, 9)).map(({ error }) => error?.code ?? null);
    const repairs = () => s.logged('sweep.repaired').map((line) => line['repair']);

    test('ends it after a day in which it looked', async () => {
      await using measured = await measureHere();
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      await sweepFor(IDLE_LIMIT_MS);
      assert.deepEqual(await codes(task), []);
      await sweepFor(EVERY_MS);
      assert.deepEqual(await codes(task), ['overdue', 'overdue']);
      assert.equal(s.waiting()['complete'], 1);
      await sweepFor(EVERY_MS);
      assert.equal(repairs().filter((repair) => /overdue/.test(String(repair))).length, 1, 'said once');
      const ended = (await measured.read()).by('every_cut_renders_ended_total', 'error_type');
      assert.deepEqual(ended, { overdue: 2 }, 'counted once');
    });

    test('publishes again what nobody is at, once it stood still for ten minutes, and then more and more rarely', async () => {
      const task = await s.createTask({ decided: true });
      await s.deps.tasks.markPublished(task.id);
      await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, delivery(), s.deps);
      // What that prepare published, and the messages of the post, are lost.
      const drop = async () => {
        for (const topic of ['prepare', 'render'] as const) {
          const all: Promise<void>[] = [];
          const consumer = s.local.queue.consume(topic, {
            concurrency: 10,
            handler: async () => void all.push(Promise.resolve()),
          });
          await until(() => s.waiting()[topic] === 0, 'all messages to be taken');
          await consumer.stop();
        }
      };
      await drop();
      // The first look only begins to count.
      await sweepFor(EVERY_MS);
      assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [0, 0]);
      await sweepFor(EVERY_MS);
      assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [1, 1]);
      assert.deepEqual(repairs(), ['published 2 messages again, as nothing went on']);
      await drop();
      await sweepFor(EVERY_MS);
      assert.equal(repairs().length, 1, 'not again within the pause');
      assert.deepEqual([s.waiting()['prepare'], s.waiting()['render']], [0, 0]);
      s.local.endRests();
      await sweepFor(EVERY_MS);
      assert.equal(repairs().length, 2);
      s.local.endRests();
      await sweepFor(EVERY_MS);
      assert.equal(repairs().length, 2, 'they are in the queue');
      await drop();
      await s.deps.leases.take(prepareKey(task.id, 1), 60_000);
      await s.deps.leases.take(renderKey(task.id, 1), 60_000);
      s.local.endRests();
      await sweepFor(EVERY_MS);
      assert.equal(repairs().length, 2, 'somebody is at them');
    });

    test('leaves it alone however old it is, and however long the host was off or asleep', async () => {
      const task = await s.createTask({ createdAt: new Date(at - 40 * IDLE_LIMIT_MS) });
      await s.deps.tasks.markPublished(task.id);
      for (let days = 0; days < 20; days++) {
        at += 2 * IDLE_LIMIT_MS;
        await sweepFor(2 * EVERY_MS);
      }
      assert.deepEqual(await codes(task), []);
    });

    test('counts short times between two sleeps, so that it ends at last', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      for (let nights = 0; nights < 3; nights++) {
        assert.deepEqual(await codes(task), []);
        await sweepFor(8 * HOUR_MS);
        at += 16 * HOUR_MS;
      }
      await sweepFor(EVERY_MS);
      assert.deepEqual(await codes(task), ['overdue', 'overdue']);
    });

    test('counts nothing twice if it runs twice at a time, or more often, or if the clock is set back', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      for (let runs = 0; runs < 200; runs++) {
        at += EVERY_MS / 4;
        await Promise.all([1, 2].map(() => sweep({ ...s.deps, everyMs: EVERY_MS, now: () => at })));
      }
      at -= 3 * IDLE_LIMIT_MS;
      await sweepFor(IDLE_LIMIT_MS - (200 / 4) * EVERY_MS);
      assert.deepEqual(await codes(task), []);
      await sweepFor(3 * EVERY_MS);
      assert.deepEqual(await codes(task), ['overdue', 'overdue']);
    });

    test('begins to count again with each report and with each pin', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      const combination = task.plan.combinations[0] as Combination;
      const failure = { code: 'no_video', stage: 'probe', message: 'Expected video.' } as const;
      for (const progress of [
        () => s.deps.pins.write(task.id, 'fetched-0', { error: failure }),
        () => s.deps.pins.write(task.id, 'prepared-0', { error: failure }),
        () => s.deps.reports.report(task.id, failedReport(task, combination, failure)),
        () => s.deps.pins.write(task.id, 'remade-1', { error: failure }),
      ]) {
        await sweepFor(IDLE_LIMIT_MS - HOUR_MS);
        await progress();
      }
      await sweepFor(IDLE_LIMIT_MS);
      assert.deepEqual(await codes(task), ['no_video']);
      await sweepFor(HOUR_MS);
      assert.deepEqual(await codes(task), ['no_video', 'overdue']);
    });

    for (const [what, keyOf] of [
      ['a source', (task: Task) => prepareKey(task.id, 1)],
      ['a combination', (task: Task) => renderKey(task.id, 2)],
    ] as const) {
      test(`waits a day longer while ${what} is being worked on, but not for a holder that hangs`, async () => {
        const task = await s.createTask();
        await s.deps.tasks.markPublished(task.id);
        const lease = await s.deps.leases.take(keyOf(task), 600_000);
        await sweepFor(IDLE_LIMIT_MS + HOUR_MS);
        assert.deepEqual(await codes(task), []);
        const other = await s.createTask({ name: 'released' });
        await s.deps.tasks.markPublished(other.id);
        assert.ok(lease);
        await sweepFor(WORKED_ON_LIMIT_MS - IDLE_LIMIT_MS - 2 * HOUR_MS);
        assert.deepEqual(await codes(task), []);
        await sweepFor(2 * HOUR_MS);
        assert.deepEqual(await codes(task), ['overdue', 'overdue']);
        assert.deepEqual(await codes(other), []);
      });
    }

    test('counts from the beginning where the count is unreadable', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      for (const text of ['no JSON', '', 'null', '[]', '{"reports":0,"pins":0,"idleMs":"9e99","at":0}']) {
        await sweepFor(EVERY_MS);
        await s.deps.memo.remember(idleKey(task.id), text);
      }
      await sweepFor(IDLE_LIMIT_MS);
      assert.deepEqual([await codes(task), s.logged('sweep.failed')], [[], []]);
      await sweepFor(EVERY_MS);
      assert.deepEqual(await codes(task), ['overdue', 'overdue']);
    });

    for (const code of ['output_gone', 'disk_full'] as const) {
      test(`counts no time in which its work waits for room: ${code}`, async () => {
        const task = await s.createTask();
        await s.deps.tasks.markPublished(task.id);
        await sweepFor(IDLE_LIMIT_MS - EVERY_MS);
        const away = () => sweepFor(3 * IDLE_LIMIT_MS, () => ({ code, notedAt: at - 60_000 }));
        await away();
        await sweepFor(EVERY_MS, () => ({ code: 'network', notedAt: at - 60_000 }));
        assert.deepEqual(await codes(task), []);
        // Nor is it ended while it waits, once its time is up.
        const lease = await s.deps.leases.take(renderKey(task.id, 1), 600_000);
        await sweepFor(EVERY_MS);
        assert.ok(lease && (await s.deps.leases.release(lease)));
        await away();
        assert.deepEqual(await codes(task), []);
        // What is noted no more is over.
        const noted = at;
        await sweepFor(EVERY_MS, () => ({ code, notedAt: noted }));
        assert.deepEqual(await codes(task), ['overdue', 'overdue']);
      });
    }

    test('ends the rest of it if a process died while it ended some', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      await sweepFor(IDLE_LIMIT_MS);
      const report: typeof s.deps.reports.report = async (taskId, report) => {
        if (report.index === 2) throw new Error('it died here');
        return s.deps.reports.report(taskId, report);
      };
      at += EVERY_MS;
      await sweep({ ...s.deps, everyMs: EVERY_MS, now: () => at, reports: { ...s.deps.reports, report } });
      assert.deepEqual(await codes(task), ['overdue']);
      await sweepFor(EVERY_MS);
      assert.deepEqual(await codes(task), ['overdue', 'overdue']);
    });

    test('counts no time while the count cannot be stored, and says nothing of it', async () => {
      const task = await s.createTask();
      await s.deps.tasks.markPublished(task.id);
      const full = () => Promise.reject(new TransientError('disk_full', 'Expected room, got none.'));
      for (let runs = 0; runs < 80; runs++) {
        at += EVERY_MS;
        await sweep({
          ...s.deps,
          everyMs: EVERY_MS,
          now: () => at,
          memo: { ...s.deps.memo, remember: full },
        });
      }
      assert.deepEqual([await codes(task), s.logged('sweep.failed').length], [[], 0]);
    });
  });
});
