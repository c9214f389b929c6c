import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Problem, Work } from '../../functions/model/problem.ts';
import type { ProblemStore } from '../../functions/ports/problems.ts';
import type { TaskStore } from '../../functions/ports/tasks.ts';
import { type ContractOptions, numbers, TIMEOUT_MS } from './harness.ts';
import { sampleTask } from './samples.ts';

export interface ProblemHarness extends AsyncDisposable {
  tasks: TaskStore;
  problems: ProblemStore;
}

export function sampleProblem(work: Work, notedAt: number, changes: Partial<Problem> = {}): Problem {
  return {
    work,
    code: 'network',
    message: 'Expected an answer from https://example.com, got ECONNREFUSED.',
    stage: 'download',
    since: notedAt,
    nextTryAt: notedAt + 500,
    notedAt,
    ...changes,
  };
}

export function problemContract(
  name: string,
  open: () => Promise<ProblemHarness>,
  options: ContractOptions = {},
): void {
  describe(`${name} keeps problems`, { timeout: TIMEOUT_MS, ...options }, () => {
    const fetch: Work = { topic: 'fetch', source: 0 };

    it('returns the latest ones as they were noted, latest first', async () => {
      await using harness = await open();
      const id = await storedTask(harness);
      assert.deepEqual(await harness.problems.latest(id, 10), []);
      const works: Work[] = [
        fetch,
        { topic: 'prepare', source: 0 },
        { topic: 'render', index: 7 },
        { topic: 'complete' },
      ];
      const problems = works.map((work, at) =>
        sampleProblem(work, 1_000 + at, at > 1 ? { nextTryAt: null, stage: null, code: 'disk_full' } : {}),
      );
      for (const problem of problems) await harness.problems.note(id, problem);
      assert.deepEqual(await harness.problems.latest(id, 10), problems.toReversed());
      assert.deepEqual(await harness.problems.latest(id, 2), problems.toReversed().slice(0, 2));
    });

    it('keeps one for each piece of work, the latest, and since when the first one was noted', async () => {
      await using harness = await open();
      const id = await storedTask(harness);
      for (const at of [1_000, 2_000, 3_000]) await harness.problems.note(id, sampleProblem(fetch, at));
      const [only, ...more] = await harness.problems.latest(id, 10);
      assert.deepEqual([only, more], [sampleProblem(fetch, 3_000, { since: 1_000 }), []]);
      await harness.problems.clear(id, fetch);
      await harness.problems.clear(id, fetch);
      assert.deepEqual(await harness.problems.latest(id, 10), []);
      await harness.problems.note(id, sampleProblem(fetch, 4_000));
      assert.equal((await harness.problems.latest(id, 10))[0]?.since, 4_000);
    });

    it('keeps tasks apart', async () => {
      await using harness = await open();
      const [one, other] = [await storedTask(harness), await storedTask(harness)];
      await harness.problems.note(one, sampleProblem(fetch, 1));
      await harness.problems.clear(other, fetch);
      assert.deepEqual(await harness.problems.latest(other, 10), []);
      assert.equal((await harness.problems.latest(one, 10)).length, 1);
    });

    it('takes many at the same time', async () => {
      await using harness = await open();
      const id = await storedTask(harness);
      const noted = numbers(20).map((at) => sampleProblem({ topic: 'render', index: at % 5 }, at));
      await Promise.all(noted.map((problem) => harness.problems.note(id, problem)));
      assert.equal((await harness.problems.latest(id, 100)).length, 5);
    });
  });
}

async function storedTask({ tasks }: ProblemHarness): Promise<string> {
  const task = sampleTask();
  task.folder.id = task.id;
  await tasks.create(task);
  return task.id;
}
