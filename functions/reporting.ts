import type { Failure } from './errors.ts';
import type { Log } from './log.ts';
import type { Queue, Report, ReportStore, Task } from './ports.ts';
import { fileName } from './task/names.ts';
import type { Combination } from './task/plan.ts';

export interface ReportingDeps {
  reports: ReportStore;
  queue: Queue;
  log: Log;
}

/** Counts the report, once, and starts the completion when it was the last one. Repeating it repeats the check. */
export async function reportAndCheck(task: Task, report: Report, deps: ReportingDeps): Promise<void> {
  if (await deps.reports.report(task.id, report)) logReport(deps.log, task, report);
  await checkCompletion(task.id, deps, report.index);
}

/** Publishes `complete` when every combination has reported and nobody is known to have published it. */
export async function checkCompletion(
  taskId: string,
  { reports, queue }: Pick<ReportingDeps, 'reports' | 'queue'>,
  index?: number,
): Promise<void> {
  if ((await reports.claimCompletion(taskId, index)) !== 'claimed') return;
  await queue.publish([{ topic: 'complete', taskId }]);
  await reports.markCompletionPublished(taskId);
}

export function failedReport(
  task: Task,
  combination: Combination,
  error: Failure,
  more: Partial<Pick<Report, 'attempts' | 'stageSeconds' | 'renderSeconds'>> = {},
): Report {
  return {
    index: combination.index,
    status: 'failed',
    fileName: fileName(task.id, task.plan, combination),
    url: null,
    bytes: null,
    durationSeconds: null,
    renderSeconds: null,
    stageSeconds: {},
    attempts: 0,
    warnings: [],
    ...more,
    error,
  };
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
    log.info(`Finished ${report.fileName} in ${report.renderSeconds?.toFixed(2)} s`, {
      event: 'render.finished',
      ...fields,
      seconds: report.renderSeconds,
      file_name: report.fileName,
      warnings: report.warnings,
    });
  } else {
    log.warn(`Combination ${report.index} ${report.status}: ${report.error?.message ?? ''}`, {
      event: 'render.failed',
      ...fields,
      seconds: report.renderSeconds,
      failure: report.error,
    });
  }
}
