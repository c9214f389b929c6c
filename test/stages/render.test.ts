import assert from 'node:assert/strict';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../../functions/base/errors.ts';
import { createExclusiveGate } from '../../functions/coordination/exclusive-gate.ts';
import { fairLanes } from '../../functions/coordination/fair-lanes.ts';
import { renderKey, retryKey } from '../../functions/coordination/lease-keys.ts';
import { MAX_ATTEMPTS } from '../../functions/coordination/retry-policy.ts';
import type { Semaphore } from '../../functions/coordination/semaphore.ts';
import type { Report } from '../../functions/model/report.ts';
import type { Task } from '../../functions/model/task.ts';
import { failedReport } from '../../functions/pipeline/reporting.ts';
import type { OutputStore } from '../../functions/ports/outputs.ts';
import { complete } from '../../functions/stages/complete.ts';
import { prepare } from '../../functions/stages/prepare.ts';
import { render } from '../../functions/stages/render.ts';
import { DELIVERY, delivery, useStages } from '../fixtures/hosts/stages.ts';
import { ffmpeg, makeClip } from '../fixtures/media/finished.ts';
import { tones } from '../fixtures/media/tones.ts';

describe('render', () => {
  const s = useStages();

  test('three concurrent deliveries and a late one cause one report, one file and one completion', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const message = { topic: 'render', taskId: task.id, index: 1 } as const;
    await Promise.all([1, 2, 3].map(() => render(message, delivery(), s.deps)));
    await s.renderOne(task, 2);
    assert.equal(s.waiting()['complete'], 1);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    const before = await s.videos(task);
    const [{ mtimeMs }] = await Promise.all([stat(join(task.folder.id, before[0] as string))]);

    await s.renderOne(task, 1);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    assert.deepEqual(await s.videos(task), before);
    assert.equal((await stat(join(task.folder.id, before[0] as string))).mtimeMs, mtimeMs, 'not made again');
    assert.equal(s.logged('render.finished').length, 2);
    assert.equal(s.logged('task.completed').length, 1);
    assert.equal(s.waiting()['complete'], 1);
    const { succeeded, failed } = (await s.deps.tasks.progress(task.id)) ?? {};
    assert.deepEqual([succeeded, failed], [2, 0]);
  });

  test('a place to save counts as time of the video, and not as its work', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const saving = fairLanes({ place: 'saver', places: 1 });
    const held = Promise.withResolvers<void>();
    const other = saving('another task')(() => held.promise);
    const rendering = render({ topic: 'render', taskId: task.id, index: 1 }, delivery(), {
      ...s.deps,
      saving: (taskId) => (work) => {
        setTimeout(held.resolve, 300);
        return saving(taskId)(work);
      },
    });
    await Promise.all([rendering, other]);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    const { renderSeconds, workSeconds } = report as Report;
    const waited = (renderSeconds ?? 0) - (workSeconds ?? Number.NaN);
    assert.ok(waited >= 0.29, `got ${renderSeconds} s with ${workSeconds} s of work`);
    assert.ok((workSeconds ?? 0) > 0);
  });

  test('a video says what was remarked about each of its clips, without their secrets', async () => {
    const file = join(s.dir.path, 'slide.mp4');
    const sources = ['-f', 'lavfi', '-i', 'color=red:s=64x64:r=30:d=0.2', ...tones(2)];
    await ffmpeg(...sources, '-c:a', 'aac', file);
    s.server.set('/slide.mp4', { body: await readFile(file) });
    const slide = ['/slide.mp4?token=secret'];
    const task = await s.createTask({ clips: slide, more: slide });
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.status, 'succeeded');
    assert.equal(report.warnings.length, 1);
    assert.match(report.warnings.join(), /slide\.mp4\S*: Expected picture and sound .* 0\.20 s .* 2\.0 s/);
    assert.doesNotMatch(report.warnings.join(), /secret/);
  });

  test('a render that comes before its sources are prepared ends at once, and leaves no trace', async () => {
    const task = await s.createTask({ more: ['/b.mp4'] });
    const message = { topic: 'prepare', taskId: task.id, source: 0 } as const;
    for (const before of [() => undefined, () => prepare(message, delivery(), s.deps)]) {
      await before();
      const { render: waiting } = s.waiting();
      await s.renderOne(task, 1);
      assert.deepEqual([s.waiting()['render'], s.waiting()['prepare']], [waiting, 0]);
      const key = renderKey(task.id, 1);
      assert.deepEqual(await s.deps.leases.read([key]), ['none']);
      assert.deepEqual(await s.deps.reports.list(task.id, 1, 2), []);
    }
  });

  test('a duplicate of a render that is being made has no effect, but the same message is handed back', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const saving = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const save: typeof s.deps.outputs.save = async (...args) => {
      saving.resolve();
      await open.promise;
      return s.deps.outputs.save(...args);
    };
    const message = { topic: 'render', taskId: task.id, index: 1 } as const;
    const own = delivery();
    const first = render(message, own, { ...s.deps, outputs: { ...s.deps.outputs, save } });
    await saving.promise;
    await render(message, delivery(), s.deps);
    // The holder has this message, so nothing else would bring it back if that process has died.
    for (const again of [own, DELIVERY]) {
      await assert.rejects(
        render(message, again, s.deps),
        (error) => TransientError.is(error) && error.code === 'waiting',
      );
    }
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
    open.resolve();
    await first;
    await render(message, own, s.deps);
    assert.equal(s.logged('render.finished').length, 1);
  });

  test('a message whose process died makes the video once the lease has lapsed', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const own = delivery();
    assert.ok(await s.deps.leases.take(renderKey(task.id, 1), 300, own.messageId));
    const again = () => render({ topic: 'render', taskId: task.id, index: 1 }, own, s.deps);
    await assert.rejects(again(), (error) => TransientError.is(error) && error.code === 'waiting');
    await sleep(350);
    await again();
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
  });

  test('a video that is being saved does not keep the next one from being mixed', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const both = Promise.withResolvers<void>();
    let saving = 0;
    const outputs: OutputStore = {
      ...s.deps.outputs,
      async save(...saved) {
        if (++saving === 2) both.resolve();
        await both.promise;
        return s.deps.outputs.save(...saved);
      },
    };
    const deps = { ...s.deps, outputs, mixing: fairLanes({ places: 1 }) };
    await Promise.all(
      [1, 2].map((index) => render({ topic: 'render', taskId: task.id, index }, DELIVERY, deps)),
    );
    assert.equal((await s.videos(task)).length, 2);
  });

  test('mixed videos do not pile up, because a render that waits to save keeps its place for mixing', async () => {
    const task = await s.createTask({ clips: ['/a.mp4', '/b.mp4'], more: ['/a.mp4', '/b.mp4'] });
    await s.prepareAll(task);
    const open = Promise.withResolvers<void>();
    const outputs: OutputStore = {
      ...s.deps.outputs,
      async save(...saved) {
        await open.promise;
        return s.deps.outputs.save(...saved);
      },
    };
    const deps = {
      ...s.deps,
      outputs,
      mixing: fairLanes({ places: 1 }),
      saving: fairLanes({ places: 1 }),
    };
    const all = Promise.all(
      [1, 2, 3, 4].map((index) => render({ topic: 'render', taskId: task.id, index }, DELIVERY, deps)),
    );
    // One is being saved, one waits for that; the others have not begun.
    while (s.logged('render.started').length < 2) await sleep(5);
    await sleep(500);
    assert.equal(s.logged('render.started').length, 2);
    open.resolve();
    await all;
    assert.equal((await s.videos(task)).length, 4);
  });

  test('a render whose artifact was evicted makes it again', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await rm(join(s.dir.path, 'data', 'artifacts'), { recursive: true });
    await s.renderOne(task, 1);
    assert.equal((await s.videos(task)).length, 1);
  });

  test('a source that has changed since its bytes were evicted fails, and is never mixed in', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await rm(join(s.dir.path, 'data', 'artifacts'), { recursive: true });
    const other = await readFile(await makeClip(join(s.media.path, 'green.mp4'), { colour: 'green' }));
    s.server.set('/a.mp4', { body: other });
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.error?.code, 'source_changed');
  });

  test('the next delivery completes a task after a process died between report and completion', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    await s.prepareAll(task);
    const report: Report = { ...((await s.deps.reports.list(task.id, 1, 1))[0] as Report), index: 2 };
    assert.ok(await s.deps.reports.report(task.id, report));
    assert.equal(s.waiting()['complete'], 0, 'it died here');
    await s.renderOne(task, 2);
    assert.equal(s.waiting()['complete'], 1);
  });

  test('a render that was never begun before neither reads nor writes attempts', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const unasked = () => assert.fail('asked');
    const attempts = {
      read: unasked,
      record: unasked,
      forgive: unasked,
      rest: unasked,
      resting: unasked,
    };
    await s.renderOne(task, 1, { attempts, ...{ gate: createExclusiveGate() } });
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
  });

  test('a render fails after five crashes', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.dieOver(renderKey(task.id, 1), MAX_ATTEMPTS);
    await s.renderOne(task, 1);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.deepEqual([report?.status, report?.error?.code], ['failed', 'crash_loop']);
    assert.equal(report?.attempts, MAX_ATTEMPTS + 1);
    assert.deepEqual(await s.videos(task), []);
  });

  test('an aborted render leaves no file and no report, and does not count as a crash', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const stop = new AbortController();
    const slow = {
      ...s.deps,
      outputs: { ...s.deps.outputs, save: () => sleep(60_000, undefined as never, { signal: stop.signal }) },
    };
    const rendering = render({ topic: 'render', taskId: task.id, index: 1 }, { signal: stop.signal }, slow);
    await sleep(300);
    stop.abort(new Error('the host stops'));
    await assert.rejects(rendering);
    assert.deepEqual(await s.videos(task), []);
    assert.deepEqual(await s.deps.reports.list(task.id, 1, 1), []);
    assert.deepEqual(await s.deps.leases.read([renderKey(task.id, 1)]), ['released']);
    assert.deepEqual(await s.deps.attempts.read([renderKey(task.id, 1)]), [{ crashes: 0, failures: 0 }]);
    await s.renderOne(task, 1);
    assert.equal((await s.videos(task)).length, 1);
  });

  test('one failed source ends a render at once, however late the others are', async () => {
    s.server.set('/b.mp4', { body: s.clip, always: { does: 'hang' } });
    const task = await s.createTask({ name: 'one dead', clips: ['/gone.mp4'], more: ['/b.mp4'] });
    await prepare({ topic: 'prepare', taskId: task.id, source: 0 }, DELIVERY, s.deps);
    await s.renderOne(task, 1);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.error?.code, 'source_not_found');
  });

  test('a completion that could not be published is published by the next delivery', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    await s.renderOne(task, 1);
    const broken = { ...s.deps, queue: { publish: () => Promise.reject(new Error('the queue is away')) } };
    await assert.rejects(
      render({ topic: 'render', taskId: task.id, index: 2 }, DELIVERY, broken),
      /the queue is away/,
    );
    assert.equal(s.waiting()['complete'], 0);
    await s.renderOne(task, 2);
    assert.equal(s.waiting()['complete'], 1);
  });

  describe('of a cancelled task', () => {
    const statuses = async (task: Task) =>
      (await s.deps.reports.list(task.id, 1, 2)).map(({ status }) => status);

    test('a prepare prepares nothing, and a render reports that it is cancelled', async () => {
      const task = await s.createTask();
      await s.deps.tasks.cancel(task.id);
      await s.prepareAll(task);
      assert.equal(s.server.count(), 0);
      for (const index of [1, 2, 2]) await s.renderOne(task, index);
      assert.deepEqual(await statuses(task), ['cancelled', 'cancelled']);
      assert.equal(s.waiting()['complete'], 1);
      assert.equal(s.logged('render.cancelled').length, 2);
    });

    test('a render that is already saving when its task is cancelled still succeeds', async () => {
      const task = await s.createTask();
      await s.prepareAll(task);
      const save: typeof s.deps.outputs.save = async (...args) => {
        await s.deps.tasks.cancel(task.id);
        await sleep(1200);
        return s.deps.outputs.save(...args);
      };
      const slow = { ...s.deps, outputs: { ...s.deps.outputs, save } };
      await render({ topic: 'render', taskId: task.id, index: 1 }, DELIVERY, slow);
      await s.renderOne(task, 2);
      assert.deepEqual(await statuses(task), ['succeeded', 'cancelled']);
      assert.equal((await s.videos(task)).length, 1);
    });

    test('a render that still waits to save when its task is cancelled saves nothing', async () => {
      const task = await s.createTask();
      await s.prepareAll(task);
      const mixed = Promise.withResolvers<void>();
      const saved: string[] = [];
      const room: Semaphore = fairLanes({ places: 1 })('task');
      let waiting = 0;
      const saving = (): Semaphore => (work) => {
        if (++waiting === 2) mixed.resolve();
        return room(work);
      };
      const save: typeof s.deps.outputs.save = async (...args) => {
        saved.push(args[1]);
        // The other render is mixed by now, and notices the cancellation while it waits.
        await mixed.promise;
        await s.deps.tasks.cancel(task.id);
        await sleep(1200);
        return s.deps.outputs.save(...args);
      };
      const slow = { ...s.deps, saving, outputs: { ...s.deps.outputs, save } };
      await Promise.all(
        [1, 2].map((index) => render({ topic: 'render', taskId: task.id, index }, DELIVERY, slow)),
      );
      assert.deepEqual((await statuses(task)).toSorted(), ['cancelled', 'succeeded']);
      assert.deepEqual(await s.videos(task), saved);
    });

    test('a video saved by a process that died before reporting it is removed at the end', async () => {
      const task = await s.createTask();
      await s.prepareAll(task);
      const dying = {
        ...s.deps,
        reports: { ...s.deps.reports, report: () => Promise.reject(new Error('died')) },
      };
      await assert.rejects(render({ topic: 'render', taskId: task.id, index: 1 }, DELIVERY, dying), /died/);
      await s.renderOne(task, 2);
      assert.equal((await s.videos(task)).length, 2);
      await s.deps.tasks.cancel(task.id);
      await s.renderOne(task, 1);
      await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
      assert.deepEqual(await statuses(task), ['cancelled', 'succeeded']);
      const [kept] = await s.deps.reports.list(task.id, 2, 2);
      assert.deepEqual(await s.videos(task), [kept?.fileName]);
    });

    test('a duplicate leaves the report to the render under way', async () => {
      const task = await s.createTask();
      await s.prepareAll(task);
      const saving = Promise.withResolvers<void>();
      const save: typeof s.deps.outputs.save = async (...args) => {
        saving.resolve();
        await sleep(500);
        return s.deps.outputs.save(...args);
      };
      const message = { topic: 'render', taskId: task.id, index: 1 } as const;
      const first = render(message, delivery(), { ...s.deps, outputs: { ...s.deps.outputs, save } });
      await saving.promise;
      await s.deps.tasks.cancel(task.id);
      await render(message, delivery(), s.deps);
      assert.deepEqual(await statuses(task), []);
      await first;
      assert.deepEqual(await statuses(task), ['succeeded']);
    });
  });

  /** Renders the first combination, gives it up while its video is being saved, and then calls `more`. */
  async function givenUpWhileSaved(
    more: (task: Task) => Promise<unknown> = async () => {},
    change: Partial<OutputStore> = {},
  ): Promise<Task> {
    const task = await s.createTask();
    await s.prepareAll(task);
    const combination = task.plan.combinations[0];
    assert.ok(combination);
    const save: typeof s.deps.outputs.save = async (...args) => {
      const saved = await s.deps.outputs.save(...args);
      const gone = { code: 'overdue', stage: 'deliver', message: 'Too late.' } as const;
      await s.deps.reports.report(task.id, failedReport(task, combination, gone));
      await more(task);
      return saved;
    };
    await s.renderOne(task, 1, { outputs: { ...s.deps.outputs, ...change, save } });
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.error?.code, 'overdue');
    return task;
  }

  test('a video that is saved after its combination was given up is removed', async () => {
    assert.deepEqual(await s.videos(await givenUpWhileSaved()), []);
  });

  test('a video that was made twice is kept', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const save: typeof s.deps.outputs.save = async (...args) => {
      const saved = await s.deps.outputs.save(...args);
      // The lease was lost, and its new holder finished at the same time.
      s.local.lapseLeases();
      await s.renderOne(task, 1);
      return saved;
    };
    await s.renderOne(task, 1, { outputs: { ...s.deps.outputs, save } });
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.equal(report?.status, 'succeeded');
    assert.deepEqual(await s.videos(task), [report?.fileName]);
    assert.equal(s.logged('render.finished').length, 1);
  });

  test('removing a late video does not remove the video of the retry, which has the same name', async () => {
    const task = await givenUpWhileSaved(claimRetry);
    assert.equal((await s.videos(task)).length, 1);
  });

  test('a late completion does not remove the video of the retry', async () => {
    const task = await givenUpWhileSaved(claimRetry);
    await s.renderOne(task, 2);
    await complete({ topic: 'complete', taskId: task.id }, DELIVERY, s.deps);
    assert.equal((await s.videos(task)).length, 2);
  });

  function claimRetry(task: Task): Promise<boolean> {
    const retry = { ...task, id: crypto.randomUUID(), retryOf: task.id };
    return s.deps.tasks.create(retry, { key: retryKey(task.id), fingerprint: '', ttlMs: null });
  }

  const away = () => new TransientError('output_busy', 'Expected the output to take it, got 503.');

  test('a video that cannot be saved at first is saved once, by the same delivery', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    let tries = 0;
    const save: typeof s.deps.outputs.save = async (...args) => {
      if (++tries < 3) throw away();
      return s.deps.outputs.save(...args);
    };
    await s.renderOne(task, 1, { outputs: { ...s.deps.outputs, save } });
    assert.equal(tries, 3);
    const [report] = await s.deps.reports.list(task.id, 1, 1);
    assert.deepEqual([report?.status, report?.attempts], ['succeeded', 1]);
    assert.deepEqual(await s.videos(task), [report?.fileName]);
  });

  test('a video that cannot be saved is given up at once when the host stops', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const stop = new AbortController();
    let tries = 0;
    const save = async () => {
      tries += 1;
      setTimeout(() => stop.abort(new Error('the host stops')), 20);
      throw away();
    };
    const deps = { ...s.deps, outputs: { ...s.deps.outputs, save } };
    await assert.rejects(
      render({ topic: 'render', taskId: task.id, index: 1 }, { signal: stop.signal }, deps),
      /the host stops/,
    );
    assert.equal(tries, 1);
  });

  test('removing a late video is retried', async () => {
    let tries = 0;
    const remove: typeof s.deps.outputs.remove = async (...args) => {
      if (++tries < 3) throw away();
      return s.deps.outputs.remove(...args);
    };
    const task = await givenUpWhileSaved(undefined, { remove });
    assert.equal(tries, 3);
    assert.deepEqual(await s.videos(task), []);
  });

  test('a video that was saved when the host was told to stop is reported', async () => {
    const task = await s.createTask();
    await s.prepareAll(task);
    const stop = new AbortController();
    const save: typeof s.deps.outputs.save = async (...args) => {
      const saved = await s.deps.outputs.save(...args);
      stop.abort(new Error('the host stops'));
      return saved;
    };
    const deps = { ...s.deps, outputs: { ...s.deps.outputs, save } };
    await render({ topic: 'render', taskId: task.id, index: 1 }, { signal: stop.signal }, deps);
    assert.equal((await s.deps.reports.list(task.id, 1, 1))[0]?.status, 'succeeded');
  });
});

describe('music that is cut', () => {
  const s = useStages({ MAX_CLIP_SECONDS: '2' });

  test('is remarked only in a video in which the rest of it repeats', async () => {
    const file = join(s.dir.path, 'music.wav');
    await ffmpeg(...tones(4), file);
    const film = await makeClip(join(s.dir.path, 'film.mp4'), { colour: 'red', frames: 45 });
    s.server.set('/film.mp4', { body: await readFile(film) });
    s.server.set('/music.wav', { body: await readFile(file) });
    const tracks = ['/music.wav?token=secret'];
    for (const [more, remark] of [
      [[], /^$/],
      [['/film.mp4'], /music\.wav\S*: Expected music of at most 2 s, got 4\.0 s: .* Raise MAX_CLIP_SECONDS/],
    ] as const) {
      const task = await s.createTask({ clips: ['/film.mp4'], more: [...more], tracks });
      await s.prepareAll(task);
      await s.renderOne(task, 1);
      const [report] = await s.deps.reports.list(task.id, 1, 1);
      assert.match(report?.warnings.join() ?? 'none', remark);
      assert.doesNotMatch(report?.warnings.join() ?? '', /secret/);
    }
  });
});
