import { setImmediate as turnOfOthers } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { Failure } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { add } from '../base/telemetry/metrics.ts';
import { step } from '../base/telemetry/spans.ts';
import { retryKey } from '../coordination/lease-keys.ts';
import { fileName, fileNames } from '../model/names.ts';
import type { Combination } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import type { FileOwner, OutputStore } from '../ports/outputs.ts';
import type { Queue } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { TaskStore } from '../ports/tasks.ts';

export interface ReportingDeps {
  reports: ReportStore;
  queue: Queue;
  log: Log;
}

/**
 * Counts the report once, and publishes `complete` if it was the last one. A repeated call repeats this check. Returns
 * false if the combination has reported before; the first report stands.
 */
export async function reportAndCheck(task: Task, report: Report, deps: ReportingDeps): Promise<boolean> {
  const counted = await reportOnly(task, report, deps);
  await checkCompletion(task.id, deps, report.index);
  return counted;
}

/** For many reports at a time: the caller checks the completion afterwards. */
export async function reportOnly(
  task: Task,
  report: Report,
  { reports, log }: Pick<ReportingDeps, 'reports' | 'log'>,
): Promise<boolean> {
  const counted = await step('report', report.status, async (span) => {
    span.setAttributes({ 'every_cut.index': report.index, 'every_cut.attempts': report.attempts });
    return await reports.report(task.id, report);
  });
  if (counted) noteReport(log, task, report);
  return counted;
}

/** Publishes `complete` if every combination has reported and it may not be published yet. */
export async function checkCompletion(
  taskId: string,
  { reports, queue }: Pick<ReportingDeps, 'reports' | 'queue'>,
  index?: number,
): Promise<void> {
  if ((await reports.claimCompletion(taskId, index)) !== 'claimed') return;
  await queue.publish([{ topic: 'complete', taskId }]);
  await reports.markCompletionPublished(taskId);
}

/**
 * Removes the task's videos of combinations without a successful report from the folder, and the files beside them. Those of
 * its retry have the same names and stay, however late this step is.
 */
export async function removeVideos(
  task: Task,
  combinations: readonly Combination[],
  { tasks, outputs }: { tasks: Pick<TaskStore, 'claimed'>; outputs: Pick<OutputStore, 'remove'> },
): Promise<void> {
  const names = combinations.flatMap((combination) => fileNames(task, combination));
  const isCurrent = async () => (await tasks.claimed(retryKey(task.id))) === undefined;
  await outputs.remove(task.folder, names, { taskId: task.id, isCurrent });
}

/**
 * The owner of a combination's video while it is being saved. A retry begins only after the report, so what is saved
 * without one replaces no file of a retry.
 */
export function ownerOf(task: Task, { index }: Combination, reports: ReportStore): FileOwner {
  return {
    taskId: task.id,
    isCurrent: async () => (await reports.list(task.id, index, index)).length === 0,
  };
}

/** Reports read at a time. Between two pages, other work goes on, also if the store answers at once. */
const PAGE = 500;

/** All reports so far, in order. */
export async function allReports(task: Task, reports: ReportStore): Promise<Report[]> {
  const all: Report[] = [];
  const last = task.plan.combinations.at(-1)?.index ?? 0;
  for (let from = 1; from <= last; from += PAGE) {
    if (from > 1) await turnOfOthers();
    all.push(...(await reports.list(task.id, from, Math.min(last, from + PAGE - 1))));
  }
  return all;
}

/** Those without a report. */
export async function openCombinations(task: Task, reports: ReportStore): Promise<Combination[]> {
  const reported = new Set((await allReports(task, reports)).map(({ index }) => index));
  return task.plan.combinations.filter(({ index }) => !reported.has(index));
}

/** For a combination whose task was cancelled. */
export function cancelledReport(task: Task, combination: Combination, attempts: number): Report {
  return { ...emptyReport(task, combination), status: 'cancelled', attempts };
}

export function failedReport(
  task: Task,
  combination: Combination,
  error: Failure,
  more: Partial<Pick<Report, 'attempts' | 'stageSeconds' | 'renderSeconds'>> = {},
): Report {
  return { ...emptyReport(task, combination), status: 'failed', ...more, error };
}

function emptyReport(task: Task, combination: Combination): Omit<Report, 'status'> {
  return {
    index: combination.index,
    fileName: fileName(task, combination),
    url: null,
    bytes: null,
    durationSeconds: null,
    loudnessLufs: null,
    truePeakDbtp: null,
    renderSeconds: null,
    stageSeconds: {},
    attempts: 0,
    warnings: [],
    error: null,
  };
}

/** Of each log: the reasons for which a task has failed combinations. One warning tells that of a thousand. */
const reasonsTold = new WeakMap<Log, LRUCache<string, true>>();
const REASONS_KEPT = 1_000;

function wasTold(log: Log, reason: string): boolean {
  const told = reasonsTold.get(log) ?? new LRUCache<string, true>({ max: REASONS_KEPT });
  reasonsTold.set(log, told);
  if (told.has(reason)) return true;
  told.set(reason, true);
  return false;
}

/** Called once for each report that counts. */
export function noteReport(log: Log, task: Task, report: Report): void {
  add('every_cut.renders.ended', 1, { 'every_cut.status': report.status, 'error.type': report.error?.code });
  logReport(log, task, report);
}

function logReport(log: Log, task: Task, report: Report): void {
  const fields = {
    task_id: task.id,
    task_name: task.name,
    index: report.index,
    attempts: report.attempts,
    stage_seconds: report.stageSeconds,
  };
  if (report.status === 'succeeded') {
    log.info(
      `Combination ${report.index} is finished: ${report.fileName} in ${report.renderSeconds?.toFixed(2)} s`,
      {
        event: 'render.finished',
        ...fields,
        seconds: report.renderSeconds,
        file_name: report.fileName,
        warnings: report.warnings,
      },
    );
  } else if (report.status === 'cancelled') {
    log.debug(`Combination ${report.index} is cancelled`, { event: 'render.cancelled', ...fields });
  } else {
    const message = `Combination ${report.index} failed: ${report.error?.message ?? ''}`;
    const failed = { ...fields, seconds: report.renderSeconds, failure: report.error };
    // One that was never tried fails because of something that has a line of its own: a source, a dead letter, the sweep.
    const isTold = report.attempts === 0 || wasTold(log, `${task.id} ${report.error?.code}`);
    log[isTold ? 'debug' : 'warn'](message, { event: 'render.failed', ...failed });
  }
}
