import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Problem, Work } from '../../functions/model/problem.ts';
import type { Progress } from '../../functions/model/task.ts';
import { problemView } from '../../functions/pipeline/problem-view.ts';
import { sampleProblem } from '../contracts/problems.ts';
import { samplePrepared, sampleReport, sampleTask } from '../contracts/samples.ts';

const PROGRESS: Progress = {
  published: true,
  cancelRequested: false,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  succeededAt: [],
  targets: {},
  finishedAt: null,
};
const TASK = sampleTask({ combinations: 9 });
const download = (source: number): Work => ({ topic: 'fetch', source });
const prepare = (source: number): Work => ({ topic: 'prepare', source });
const render = (index: number): Work => ({ topic: 'render', index });
const onDisk = (work: Work, at: number) =>
  sampleProblem(work, at, { code: 'disk_full', stage: null, message: 'Full.' });

/** What is shown if these pins, and reports of these combinations, are there. */
const shown = (
  problems: Problem[],
  { pins = [] as string[], reports = [] as number[], cancelled = false } = {},
) =>
  problemView(TASK, { ...PROGRESS, cancelRequested: cancelled }, problems, {
    pins: {
      read: async (_, names) =>
        names.map((name) => (pins.includes(name) ? samplePrepared('x') : undefined)) as never,
    },
    reports: { list: async (_, from) => (reports.includes(from) ? [sampleReport(from)] : []) },
  });

describe('the problem that a status shows', () => {
  it('is the latest, with the name of its source, its stage, its hint and its times', async () => {
    assert.equal(await shown([]), null);
    assert.deepEqual(
      await shown([sampleProblem(download(0), 2_000, { since: 1_000 }), onDisk(render(1), 500)]),
      {
        code: 'network',
        message: 'Clip "hook": Expected an answer from https://example.com, got ECONNREFUSED.',
        stage: 'download',
        hint: 'No action needed: it is retried with growing pauses.',
        since: '1970-01-01T00:00:01.000Z',
        next_try_at: '1970-01-01T00:00:02.500Z',
      },
    );
  });

  it('names a line, a combination and the manifest, and their usual stages', async () => {
    const named = async (work: Work) => {
      const view = await shown([sampleProblem(work, 1, { stage: null, nextTryAt: null })]);
      assert.equal(view?.next_try_at, null);
      return `${view?.stage} ${view?.message.slice(0, 16)}`;
    };
    assert.equal(await named(prepare(0)), 'conform Clip "hook": Exp');
    assert.equal(await named(prepare(1)), 'speak Line for Sarah: ');
    assert.equal(await named(render(3)), 'mix Combination 3: E');
    assert.equal(await named({ topic: 'complete' }), 'save Manifest: Expect');
  });

  it('is none whose work has ended, perhaps in another process', async () => {
    const all = [download(0), prepare(1), render(2)].map((work, at) => sampleProblem(work, 9 - at));
    const codes = async (pins: string[], reports: number[]) =>
      (await shown(all, { pins, reports }))?.message.slice(0, 4);
    assert.equal(await codes([], []), 'Clip');
    assert.equal(await codes(['fetched-0'], []), 'Line');
    assert.equal(await codes(['fetched-0', 'prepared-1'], []), 'Comb');
    assert.equal(await codes(['fetched-0', 'prepared-1'], [2]), undefined);
    assert.equal(
      (await shown(all, { cancelled: true }))?.message.slice(0, 4),
      'Comb',
      'sources are not needed any more',
    );
  });

  it('began when the first of several works was held up by the same, but each source is on its own', async () => {
    const since = async (problems: Problem[], reports: number[] = []) =>
      Date.parse((await shown(problems, { reports }))?.since ?? '');
    const full = [onDisk(render(3), 3_000), onDisk(render(2), 2_000), onDisk(render(1), 1_000)];
    assert.equal(await since(full), 1_000);
    assert.equal(await since(full, [1]), 2_000);
    assert.equal(await since([onDisk(render(3), 3_000), sampleProblem(render(2), 2_000)]), 3_000);
    assert.equal(await since([sampleProblem(download(0), 3_000), sampleProblem(download(1), 2_000)]), 3_000);
  });

  it('is none that this task cannot have, whoever wrote it', async () => {
    const strange = [
      sampleProblem(download(7), 1),
      sampleProblem(render(70), 1),
      sampleProblem(render(1), 1, { code: 'not_found' as never }),
      sampleProblem(render(1), 1, { code: 'toString' as never }),
      sampleProblem({ topic: 'elsewhere' } as never, 1),
      sampleProblem(render(1), 1, { since: 1e20 }),
      sampleProblem(render(1), 1, { nextTryAt: 'soon' as never }),
      {} as Problem,
    ];
    assert.equal(await shown(strange), null);
    const long = await shown([sampleProblem(render(1), 1, { message: 'x'.repeat(100_000) })]);
    assert.equal(long?.message.length, 2_000);
  });
});
