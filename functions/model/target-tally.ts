/** Counts the videos of a task by how they did for each of its targets. */
import type { TargetCounts } from './answers/targets.ts';
import { type CheckResult, resultOf, type TargetReport } from './target-checks.ts';
import type { Target } from './targets.ts';

/** Stores keep it beside their other counters. Absent: none. */
export type TargetTally = { [key in `${Target}_${CheckResult}`]?: number };

/** What a report adds one to. */
export function talliedBy(reports: readonly TargetReport[] | undefined): (keyof TargetTally)[] {
  return (reports ?? []).map((report) => `${report.target}_${resultOf(report)}` as const);
}

export function sumOfTallies(tallies: readonly TargetTally[]): TargetTally {
  const sum: TargetTally = {};
  for (const tally of tallies) {
    for (const [key, count] of Object.entries(tally) as [keyof TargetTally, number][])
      sum[key] = (sum[key] ?? 0) + count;
  }
  return sum;
}

/** One entry per target of the task. */
export function targetCounts(targets: readonly Target[] | undefined, tally: TargetTally): TargetCounts[] {
  return (targets ?? []).map((target) => ({
    target,
    pass: tally[`${target}_pass`] ?? 0,
    note: tally[`${target}_note`] ?? 0,
    missed: tally[`${target}_missed`] ?? 0,
  }));
}
