import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermanentError, TransientError } from '../../functions/base/errors.ts';
import { completeKey } from '../../functions/coordination/lease-keys.ts';
import { MAX_ATTEMPTS } from '../../functions/coordination/retry-policy.ts';
import type { Combination } from '../../functions/model/plan.ts';
import type { Task } from '../../functions/model/task.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import { complete } from '../../functions/stages/complete.ts';
import { samplePrepared, sampleReport } from '../contracts/samples.ts';
import { DELIVERY, useStages } from '../fixtures/hosts/stages.ts';
import { measureHere } from '../fixtures/telemetry/scrape.ts';

describe('complete', () => {
  const s = useStages();

  async function reported(): Promise<Task> {
    const task = await s.createTask();
    await s.prepareAll(task);
    for (const index of [1, 2]) await s.renderOne(task, index);
    return task;
  }
  /** The second of its videos failed: a file of it may have to be removed from the folder. */
  async function partlyFailed(): Promise<Task> {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const combination = task.plan.combinations.find(({ index }) => index === 2) as Combination;
    const failure = { code: 'no_sound', stage: 'measure', message: 'Expected sound, got none.' } as const;
    await s.deps.reports.report(task.id, failedReport(task, combination, failure));
    return task;
  }
  const completeWith = (task: Task, save: typeof s.deps.outputs.save) =>
    complete({ topic: 'complete', taskId: task.id }, DELIVERY, {
      ...s.deps,
      outputs: { ...s.deps.outputs, save },
    });
  const finished = async (task: Task) => (await s.deps.tasks.progress(task.id))?.finishedAt !== null;

  test('marks a task as finished last, after its manifest and its log line, and counts it once', async () => {
    await using measured = await measureHere();
    const task = await reported();
    await assert.rejects(
      completeWith(task, () => Promise.reject(new Error('it died here'))),
      /it died here/,
    );
    assert.deepEqual([await finished(task), s.logged('task.completed').length], [false, 0]);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    assert.deepEqual([await finished(task), s.logged('task.completed').length], [true, 1]);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    const ended = (await measured.read()).by('every_cut_tasks_ended_total', 'every_cut_status');
    assert.deepEqual(ended, { completed: 1 });
  });

  test('finishes a task even if its manifest can never be saved', async () => {
    const task = await reported();
    const error = new PermanentError('save_failed', 'save', 'Expected a folder, got a file in the way.');
    await completeWith(task, () => Promise.reject(error));
    assert.deepEqual([await finished(task), s.logged('manifest.failed').length], [true, 1]);
  });

  test('saves the manifest even if nothing can be removed from the folder', async () => {
    const task = await partlyFailed();
    const error = new PermanentError('output_forbidden', 'save', 'Expected to remove files, got 403.');
    let saved = 0;
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, {
      ...s.deps,
      outputs: {
        ...s.deps.outputs,
        remove: () => Promise.reject(error),
        save: (...file) => {
          saved += 1;
          return s.deps.outputs.save(...file);
        },
      },
    });
    assert.equal(saved, 2, 'as JSON and as CSV');
    assert.deepEqual([await finished(task), s.logged('manifest.failed').length], [true, 0]);
    assert.equal(s.logged('output.left_over').length, 1);
  });

  test('retries cleaning the folder and saving the manifest within one delivery', async () => {
    const task = await partlyFailed();
    const { outputs } = s.deps;
    const tries = { remove: 0, save: 0 };
    const away = new TransientError('output_busy', 'Expected the output to do it, got 503.');
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, {
      ...s.deps,
      outputs: {
        ...outputs,
        remove: (...names) => (++tries.remove < 2 ? Promise.reject(away) : outputs.remove(...names)),
        save: (...file) => (++tries.save < 2 ? Promise.reject(away) : outputs.save(...file)),
      },
    });
    assert.deepEqual(tries, { remove: 2, save: 3 });
    assert.deepEqual([await finished(task), s.logged('manifest.failed').length], [true, 0]);
  });

  test('does not finish a task when the host stops while saving the manifest, but the next delivery does', async () => {
    const task = await reported();
    const stop = new AbortController();
    const stopped = async () => {
      stop.abort(new Error('the host stops'));
      throw new PermanentError('save_failed', 'save', 'Broken off.');
    };
    await assert.rejects(
      complete(
        { topic: 'complete', taskId: task.id },
        { signal: stop.signal },
        {
          ...s.deps,
          outputs: { ...s.deps.outputs, save: stopped },
        },
      ),
    );
    assert.deepEqual([await finished(task), s.logged('manifest.failed').length], [false, 0]);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    assert.deepEqual([await finished(task), s.logged('task.completed').length], [true, 1]);
  });

  test('finishes the task without a manifest after five crashes', async () => {
    const task = await reported();
    await s.dieOver(completeKey(task.id), MAX_ATTEMPTS);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    assert.deepEqual([await finished(task), s.logged('manifest.failed').length], [true, 1]);
  });

  test('says what the task cost: what it had made for itself, and never more than is possible', async () => {
    const text = 'Olé 🎬';
    const task = await s.createTask({
      clips: ['/a.mp4', '/b.mp4', '/c.mp4', '/d.mp4'],
      createdAt: new Date(Date.now() - 100_000),
      plan: {
        lines: [
          { text, voice: 'a', group: 'one' },
          { text, voice: 'a', group: 'two' },
          { text: 'Not bought by it', voice: 'a' },
          { text: 'Odd', voice: 'a' },
        ],
      },
    });
    const { sources, combinations } = task.plan;
    const pinned: Record<string, object>[] = [
      { workSeconds: 20 },
      // What no prepare of ours writes.
      { workSeconds: 1e9, spoken: 'bought' },
      { workSeconds: -50 },
      { workSeconds: '70' },
      { workSeconds: 0.5, spoken: 'bought', artifact: 'line/same' },
      { workSeconds: 0.25, spoken: 'bought', artifact: 'line/same' },
      // Of an earlier version.
      {},
      { spoken: 'bought', artifact: { toString: null } },
    ] as Record<string, object>[];
    assert.equal(sources.length, pinned.length);
    for (const [number, more] of pinned.entries())
      await s.deps.pins.write(task.id, `prepared-${number}`, { ...samplePrepared('a'), ...more });
    for (const { index } of combinations) {
      // The first is of an earlier version, which has only the time with its waits.
      const work = index === 1 ? {} : { workSeconds: 1 };
      await s.deps.reports.report(task.id, { ...sampleReport(index), ...work });
    }
    const prices = { speechPer1000: 10, perHour: { prepare: 36, render: 3_600 } };
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, { ...s.deps, prices });
    const finishedAt = (await s.deps.tasks.progress(task.id))?.finishedAt ?? 0;
    const longest = (finishedAt - Date.parse(task.createdAt)) / 1000;
    const [prepare, render] = [20 + longest + 0.5 + 0.25, 1.25 + combinations.length - 1];
    const [line] = s.logged('task.completed');
    assert.equal(line?.['characters'], 5, 'bought once, for both groups');
    assert.equal(line?.['compute_seconds'], Number((prepare + render).toFixed(3)));
    assert.equal(line?.['cost_usd'], Number((0.05 + prepare / 100 + render).toFixed(6)));
  });
});
