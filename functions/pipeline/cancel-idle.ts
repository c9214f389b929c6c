import { TransientError } from '../base/errors.ts';
import { renderKey } from '../coordination/lease-keys.ts';
import { NO_ATTEMPTS } from '../model/attempts.ts';
import type { Combination } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore, LeaseStore } from '../ports.ts';
import { allReports, cancelledReport, logReport, type ReportingDeps } from './reporting.ts';

export interface CancelIdleDeps extends Pick<ReportingDeps, 'reports' | 'log'> {
  leases: LeaseStore;
  attempts: AttemptStore;
}

/**
 * Reports all combinations of a cancelled task that nobody is working on. A thousand messages would take many times as
 * long. Returns what is left for messages: combinations that are being made or may be.
 */
export async function cancelIdle(task: Task, deps: CancelIdleDeps): Promise<Combination[]> {
  const { reports, leases, attempts, log } = deps;
  const reported = new Set((await allReports(task, reports)).map(({ index }) => index));
  const open = task.plan.combinations.filter(({ index }) => !reported.has(index));
  const keys = open.map(({ index }) => renderKey(task.id, index));
  const states = await leases.read(keys);
  const begun = keys.filter((_, at) => states[at] !== 'none');
  const counts = new Map((await attempts.read(begun)).map((count, at) => [begun[at], count]));
  const cancelled = open.map((combination, at) => {
    const { crashes, failures } = counts.get(keys[at]) ?? NO_ATTEMPTS;
    return cancelledReport(task, combination, crashes + failures);
  });
  const counted = new Set(
    await reports.reportIdle(task.id, cancelled, keys).catch((error: unknown) => {
      // A busy store is no reason to refuse the cancel: messages report them, only later.
      if (!TransientError.is(error)) throw error;
      return [];
    }),
  );
  for (const report of cancelled) if (counted.has(report.index)) logReport(log, task, report);
  return open.filter(({ index }) => !counted.has(index));
}
