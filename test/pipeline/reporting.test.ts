import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../functions/base/log.ts';
import { allReports, failedReport, reportOnly } from '../../functions/pipeline/reporting.ts';
import type { ReportStore } from '../../functions/ports/reports.ts';
import { sampleReport, sampleTask } from '../contracts/samples.ts';
import type { Json } from '../fixtures/hosts/host.ts';

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

test('a thousand combinations that fail for one reason are one warning, and none if a source has told it', async () => {
  const task = sampleTask({ combinations: 1_000 });
  const lines: Json[] = [];
  const write = (line: string) => lines.push(JSON.parse(line) as Json);
  const log = createLog({ level: 'debug', pretty: false, write });
  const reports = { report: async () => true } as Partial<ReportStore> as ReportStore;
  const fail = async (code: 'save_failed' | 'mix_failed' | 'source_not_found', attempts: number) => {
    for (const combination of task.plan.combinations) {
      const error = {
        code,
        stage: 'save',
        message: `Combination ${combination.index} has a bad day.`,
      } as const;
      await reportOnly(task, failedReport(task, combination, error, { attempts }), { reports, log });
    }
    const counts: Record<string, number> = {};
    for (const { severity } of lines.splice(0))
      counts[String(severity)] = (counts[String(severity)] ?? 0) + 1;
    return counts;
  };
  assert.deepEqual(await fail('save_failed', 1), { WARNING: 1, DEBUG: 999 });
  assert.deepEqual(await fail('mix_failed', 2), { WARNING: 1, DEBUG: 999 });
  assert.deepEqual(await fail('source_not_found', 0), { DEBUG: 1_000 });
});
