/** Counts the videos of a task by how they did for each of its targets. */
import type { TargetCounts } from './answers/targets.ts';
import { CHECK_RESULTS, type CheckResult, resultOf, type TargetReport } from './target-checks.ts';
import { TARGETS, type Target } from './targets.ts';

type Key = `${Target}_${CheckResult}`;
/** Stores keep it beside their other counters. Absent: none. */
export type TargetTally = { [key in Key]?: number };

const KEYS = TARGETS.flatMap((target) => CHECK_RESULTS.map((result) => `${target}_${result}` as const));

/** What a report adds one to. */
export function talliedBy(reports: readonly TargetReport[] | undefined): Key[] {
  return (reports ?? []).map((report) => `${report.target}_${resultOf(report)}` as const);
}

/** Counters have no seal, so what is no count does not count. */
export function sumOfTallies(tallies: readonly (TargetTally | null | undefined)[]): TargetTally {
  const sum: TargetTally = {};
  for (const tally of tallies) {
    for (const key of KEYS) {
      const count = tally?.[key];
      if (isCount(count)) sum[key] = (sum[key] ?? 0) + count;
    }
  }
  return sum;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
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
