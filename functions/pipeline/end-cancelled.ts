import { TransientError } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { cancellingKey, renderKey } from '../coordination/lease-keys.ts';
import { NO_ATTEMPTS } from '../model/attempts.ts';
import type { Combination } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import {
  cancelledReport,
  checkCompletion,
  noteReport,
  openCombinations,
  type ReportingDeps,
} from './reporting.ts';

export interface EndCancelledDeps extends ReportingDeps {
  leases: LeaseStore;
  attempts: AttemptStore;
}

/** What is left ends within seconds, unless its process has just died. */
const AGAIN_AFTER_MS = 60_000;

/**
 * Reports all combinations of a cancelled task that nobody is working on, and publishes the others: their messages may be in a
 * long back-off. Those whose process has just died are left for the next call, when their leases have lapsed.
 * @returns how many it has ended and how many are left; undefined if it was done a moment ago, and is not done again
 */
export async function endCancelled(
  task: Task,
  deps: EndCancelledDeps,
): Promise<{ ended: number; left: number } | undefined> {
  const key = cancellingKey(task.id);
  if ((await deps.attempts.resting([key]))[0]) return undefined;
  const { ended, left } = await cancelIdle(task, deps);
  await deps.queue.publish(left.map(({ index }) => ({ topic: 'render', taskId: task.id, index })));
  await checkCompletion(task.id, deps);
  // Not before: a process may die at any point above, and then the next call must do it.
  await deps.attempts.rest(key, AGAIN_AFTER_MS);
  return { ended, left: left.length };
}

/** At once, because a thousand messages would take many times as long. */
async function cancelIdle(
  task: Task,
  deps: EndCancelledDeps,
): Promise<{ ended: number; left: Combination[] }> {
  const { reports, leases, attempts, log } = deps;
  const open = await openCombinations(task, reports);
  const keys = open.map(({ index }) => renderKey(task.id, index));
  const states = await leases.read(keys);
  const begun = keys.filter((_, at) => states[at] !== 'none');
  const counts = new Map((await attempts.read(begun)).map((count, at) => [begun[at], count]));
  const cancelled = open.map((combination, at) => {
    const { crashes, failures } = counts.get(keys[at]) ?? NO_ATTEMPTS;
    return cancelledReport(task, combination, crashes + failures);
  });
  const reporting = step('report', 'cancelled', () => reports.reportIdle(task.id, cancelled, keys));
  const counted = new Set(
    await reporting.catch((error: unknown) => {
      // A busy store is no reason to refuse the cancel: messages report them, only later.
      if (!TransientError.is(error)) throw error;
      return [];
    }),
  );
  for (const report of cancelled) if (counted.has(report.index)) noteReport(log, task, report);
  return { ended: counted.size, left: open.filter(({ index }) => !counted.has(index)) };
}
