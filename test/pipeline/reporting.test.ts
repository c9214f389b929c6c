import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allReports } from '../../functions/pipeline/reporting.ts';
import type { ReportStore } from '../../functions/ports.ts';
import { sampleReport, sampleTask } from '../contracts/samples.ts';

test('reading many reports lets other work go on, also if the store answers at once', async () => {
  const task = sampleTask({ combinations: 1_200 });
  let [turns, isRead] = [0, false];
  const count = () => {
    turns += 1;
    if (!isRead) setImmediate(count);
  };
  const list: ReportStore['list'] = async (_, from, to) =>
    Array.from({ length: to - from + 1 }, (_, at) => sampleReport(from + at));
  setImmediate(count);
  const reports = await allReports(task, { list } as ReportStore);
  isRead = true;
  assert.deepEqual(
    reports.map(({ index }) => index),
    task.plan.combinations.map(({ index }) => index),
  );
  assert.ok(turns >= 2, `got ${turns} turns of the event loop`);
});
