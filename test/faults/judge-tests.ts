/** Tests of the judge itself: runs that are spoilt in a known way must not pass for right. */
import assert from 'node:assert/strict';
import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sampled } from '../fixtures/system/sample.ts';
import { type Again, publishAgain, type Trial, type TrialOptions } from './harness.ts';
import type { Scenario } from './scenario.ts';
import { TASK } from './scenarios.ts';

/** Runs a scenario on the set of the suite. */
export type Run = (
  scenario: Scenario,
  options?: Omit<TrialOptions, 'set' | 'sources' | 'scenario'>,
) => Promise<Trial>;

interface JudgeTest {
  title: string;
  work: (run: Run) => Promise<void>;
}

const noticesLoss = (broken: 'losesAReport' | 'losesAMessage', what: string): JudgeTest => ({
  title: `notices ${what}`,
  async work(run) {
    const { verdict } = await run(TASK, { broken });
    assert.ok(verdict.lost > 0, JSON.stringify(verdict));
    assert.match(verdict.complaints.join('\n'), /combination 2 of "task" has no report/);
  },
});

const JUDGE_TESTS: readonly JudgeTest[] = [
  noticesLoss('losesAReport', 'a report that was never stored'),
  {
    title: 'does not count a stop point that was never reached as survived',
    async work(run) {
      const stop = { by: 'call', stage: 'render', instance: 'combination 9', call: 'tasks.get' } as const;
      const { verdict, runs } = await run(TASK, { stop: { ...stop, moment: 'after' } });
      assert.deepEqual([runs, verdict.unreached], [3, 1]);
      assert.match(verdict.complaints.join('\n'), /the stop point was not reached in 3 tries/);
    },
  },
  noticesLoss('losesAMessage', 'a message that was lost'),
  {
    title: 'notices combinations that are logged twice',
    async work(run) {
      const { verdict } = await run(TASK, { broken: 'countsTwice', afterwards: publishAgain });
      assert.ok(verdict.doubled > 0, JSON.stringify(verdict));
    },
  },
  {
    title: 'notices a stray file, a truncated video, a corrupt video and a waiting message',
    async work(run) {
      const { verdict } = await run(TASK, { afterwards: spoil });
      assert.equal(verdict.orphans, 2, verdict.complaints.join('\n'));
      assert.equal(verdict.halves, 2, verdict.complaints.join('\n'));
    },
  },
];

/** `npm test` takes every second one. */
export function judgeTests(run: Run): void {
  for (const { title, work } of sampled(JUDGE_TESTS, 4, 'the judge')) test(title, () => work(run));
}

async function spoil({ ids: [id = ''], opened }: Again): Promise<string[]> {
  await opened(async ({ ports, fileIn }) => {
    const task = await ports.tasks.get(id);
    assert.ok(task);
    const [one, two] = await ports.reports.list(id, 1, 2);
    await writeFile(fileIn(task.folder, '.0001.part'), 'x');
    await ports.queue.publish([{ topic: 'complete', taskId: id }]);
    const half = fileIn(task.folder, one?.fileName ?? '');
    await truncate(half, Math.floor((one?.bytes ?? 0) / 2));
    const bad = fileIn(task.folder, two?.fileName ?? '');
    await truncate(bad, Math.floor((two?.bytes ?? 0) / 2));
    await appendFile(bad, Buffer.alloc(Math.ceil((two?.bytes ?? 0) / 2), 0x55));
  });
  return [];
}
