import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Failure, PermanentError, TransientError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { add, record } from '../base/telemetry/metrics.ts';
import { completeKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import { failureOf, refuseCrashLoop, retryTransient } from '../coordination/retry-policy.ts';
import type { MessageOf } from '../model/messages.ts';
import { manifestName } from '../model/names.ts';
import { endedStatus, type Task } from '../model/task.ts';
import { workDir } from '../pipeline/artifacts.ts';
import { type AskWebhookDeps, noteWebhook, publishWebhook } from '../pipeline/ask-webhook.ts';
import { joinOfTask } from '../pipeline/join-view.ts';
import { countsOf, type Manifest, manifestCsv, manifestJson } from '../pipeline/manifest.ts';
import { allReports, removeVideos } from '../pipeline/reporting.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { OutputStore } from '../ports/outputs.ts';
import type { PinStore } from '../ports/pins.ts';
import type { Delivery } from '../ports/queue.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { TaskStore } from '../ports/tasks.ts';

/** Files per removal: a retry after an error repeats no more than these. */
const REMOVED_AT_ONCE = 20;

export interface CompleteDeps extends AskWebhookDeps {
  tasks: TaskStore;
  reports: ReportStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  outputs: OutputStore;
  pins: PinStore;
  log: Log;
  tempDir: string;
}

/**
 * Completes a task: folder, manifest, log line, a note of its event, and only then the end, and the message that sends the
 * event. Each step can be repeated, so that the next delivery does the rest if a process dies between two of them.
 */
export async function complete(
  { taskId }: MessageOf<'complete'>,
  { signal, messageId }: Delivery,
  deps: CompleteDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  if (task === undefined) return;
  const ended = await byOneMessage<true>({
    leases: deps.leases,
    attempts: deps.attempts,
    key: completeKey(taskId),
    messageId,
    signal,
    find: async () => ((await deps.tasks.progress(taskId))?.finishedAt == null ? undefined : true),
    async create(before, held) {
      const reports = await allReports(task, deps.reports);
      const missing = task.plan.combinations.length - reports.length;
      if (missing > 0) {
        throw new TransientError(
          'waiting',
          `The task was called complete, but ${missing} reports are missing.`,
        );
      }
      const join = await joinOfTask(task, deps.pins);
      const manifest: Manifest = { task, reports, join, finishedAt: Date.now() };
      const settled = async () => {
        refuseCrashLoop(before, 'save');
        await settleFolder(manifest, held, deps);
      };
      await settled().catch((error: unknown) => {
        // The task ends all the same, because a fault of the folder does not go away by itself.
        logLostManifest(deps.log, task, failureOf(error, before, 'save', held));
      });
      logTotals(deps.log, manifest);
      await noteWebhook(task, deps);
      const finishedAt = await deps.tasks.finish(taskId, manifest.finishedAt);
      if (finishedAt === manifest.finishedAt) countEnded(manifest);
      return true;
    },
  });
  // Otherwise another message is at it, and publishes.
  if (ended) await publishWebhook(task, deps);
}

/** Removes the videos that the manifest does not list, and saves the manifest. */
async function settleFolder(manifest: Manifest, signal: AbortSignal, deps: CompleteDeps): Promise<void> {
  const { task, reports } = manifest;
  // A video may have been saved by a process that died, or was stopped, before it could report.
  const made = new Set(reports.filter(({ status }) => status === 'succeeded').map(({ index }) => index));
  // By the plan and not by the reports, so that only names of this task can be meant.
  const unwanted = task.plan.combinations.filter(({ index }) => !made.has(index));
  const removeAll = async () => {
    for (let at = 0; at < unwanted.length; at += REMOVED_AT_ONCE) {
      const some = unwanted.slice(at, at + REMOVED_AT_ONCE);
      await retryTransient(() => removeVideos(task, some, deps), { signal });
    }
  };
  await removeAll().catch((error: unknown) => {
    // The account may be allowed to add files but not to remove them. The manifest still says which files count.
    if (!PermanentError.is(error)) throw error;
    deps.log.warn(
      `Files of task "${task.name}" that are not in its manifest could not be removed: ${error.message}`,
      {
        event: 'output.left_over',
        task_id: task.id,
        task_name: task.name,
        failure: error.failure,
      },
    );
  });
  await using dir = await workDir(deps.tempDir);
  for (const [extension, pieces] of [
    ['json', manifestJson],
    ['csv', manifestCsv],
  ] as const) {
    const name = manifestName(task.id, extension);
    const file = join(dir.path, name);
    await retryTransient(
      async () => {
        // Written again for each try: saving moves the file.
        await writeFile(file, pieces(manifest));
        await deps.outputs.save(task.folder, name, file, signal);
      },
      { signal },
    );
  }
}

function logLostManifest(log: Log, task: Task, failure: Failure): void {
  log.error(`Task "${task.name}" ends without a manifest: ${failure.message}`, {
    event: 'manifest.failed',
    task_id: task.id,
    task_name: task.name,
    failure,
  });
}

function logTotals(log: Log, manifest: Manifest): void {
  const { task } = manifest;
  const seconds = secondsOf(manifest);
  const counts = countsOf(manifest);
  const { succeeded, failed, cancelled } = counts;
  const status = endedStatus(counts);
  const combinations = task.plan.combinations.length;
  const reasons = failuresOf(manifest);
  log.info(
    `Task "${task.name}" ended as ${status} after ${seconds.toFixed(1)} s: ${succeeded} of ${combinations} succeeded` +
      `${failed > 0 ? `, ${failed} failed (${listed(reasons)})` : ''}${cancelled > 0 ? `, ${cancelled} cancelled` : ''}`,
    {
      event: 'task.completed',
      insertId: `${task.id}-completed`,
      task_id: task.id,
      task_name: task.name,
      status,
      combinations,
      succeeded,
      failed,
      ...(failed > 0 ? { failures: reasons } : {}),
      cancelled,
      seconds,
    },
  );
}

/** Called once for each task: the first end stands. */
function countEnded(manifest: Manifest): void {
  const attributes = { 'every_cut.status': endedStatus(countsOf(manifest)) };
  add('every_cut.tasks.ended', 1, attributes);
  record('every_cut.task.duration', secondsOf(manifest), attributes);
}

/** From the request to the end. */
function secondsOf({ task, finishedAt }: Manifest): number {
  return (finishedAt - Date.parse(task.createdAt)) / 1000;
}

/** How many combinations failed with each code. */
function failuresOf({ reports }: Manifest): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { error } of reports) if (error !== null) counts[error.code] = (counts[error.code] ?? 0) + 1;
  return counts;
}

function listed(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([code, count]) => `${count} ${code}`)
    .join(', ');
}
