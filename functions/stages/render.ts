import type { Failure } from '../base/errors.ts';
import { unlessCancelled } from '../coordination/cancellation.ts';
import { type CrashIsolationDeps, isolateAfterCrash } from '../coordination/crash-isolation.ts';
import { renderKey } from '../coordination/lease-keys.ts';
import { byOneMessage } from '../coordination/once.ts';
import { tryAtLeastOnce } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { MessageOf } from '../model/messages.ts';
import { type Failed, isSettled, type Prepared } from '../model/pins.ts';
import { type Combination, type Source, sourcesOf } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import { sourceTitle } from '../model/source-title.ts';
import type { Task } from '../model/task.ts';
import { checkedPin, formatsOf } from '../pipeline/check-prepared.ts';
import { missingOf, pieceStates } from '../pipeline/pieces.ts';
import { askForPieces } from '../pipeline/ready-renders.ts';
import { type MakeVideoDeps, makeVideo, type Signals } from '../pipeline/render-video.ts';
import {
  cancelledReport,
  checkCompletion,
  failedReport,
  type ReportingDeps,
  removeVideos,
  reportAndCheck,
} from '../pipeline/reporting.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { Delivery } from '../ports/queue.ts';
import type { TaskStore } from '../ports/tasks.ts';

export interface RenderDeps extends MakeVideoDeps, ReportingDeps, CrashIsolationDeps {
  leases: LeaseStore;
  tasks: TaskStore;
  /** Limits mixing, and serves tasks in turn. Saving is not limited by it. */
  mixing: (taskId: string) => Semaphore;
}

/**
 * Makes one combination and reports it once, however often the message is delivered. Never waits: a message that comes
 * before its sources and pieces are prepared has no effect, because the last of these publishes it again.
 */
export async function render(
  { taskId, index }: MessageOf<'render'>,
  delivery: Delivery,
  deps: RenderDeps,
): Promise<void> {
  const { signal } = delivery;
  const task = await deps.tasks.get(taskId);
  const combination = task?.plan.combinations.find((candidate) => candidate.index === index);
  if (task === undefined || combination === undefined) return;
  const made = await unlessCancelled(taskId, signal, deps.tasks, (cancelled) =>
    makeAndReport(task, combination, { ...delivery, cancelled }, deps),
  );
  if (made !== 'cancelled' && made.value === 'unprepared') return;
  if (made === 'cancelled') await reportCancelled(task, combination, delivery, deps);
  // The process that made the report may have died before this check.
  await checkCompletion(taskId, deps, index);
}

async function makeAndReport(
  task: Task,
  combination: Combination,
  { signal, messageId, cancelled }: Delivery & Signals,
  deps: RenderDeps,
): Promise<'unprepared' | undefined> {
  const pins = await pinsOf(task, combination, deps);
  if (pins === undefined) return 'unprepared';
  const broken = brokenSource(task, combination, pins);
  if (broken !== undefined) {
    await reportAndCheck(task, failedReport(task, combination, broken), deps);
    return undefined;
  }
  const [state] = await pieceStates(task, [combination], deps.pins);
  const missing = state && missingOf(state);
  if (missing !== undefined) {
    // Whoever made the last source has asked for them, unless that was lost.
    await askForPieces(task, missing, deps);
    return 'unprepared';
  }
  const key = renderKey(task.id, combination.index);
  await byOneMessage<Report>({
    leases: deps.leases,
    attempts: deps.attempts,
    key,
    messageId,
    signal,
    room: (lease) => isolateAfterCrash(key, lease, deps, deps.mixing(task.id)),
    find: () => reported(task, combination.index, deps),
    async create(before, held, releaseMixing) {
      cancelled.throwIfAborted();
      const signals = { signal: held, cancelled };
      const report = await makeVideo(task, combination, before, { ...signals, releaseMixing }, deps);
      if (!(await reportAndCheck(task, report, deps))) {
        await tryAtLeastOnce(() => removeLateVideo(task, combination, deps), { stop: signal });
      }
      return report;
    },
  });
  return undefined;
}

/** Why a source cannot be used, by its name: a video has several. */
function brokenSource(
  { plan }: Task,
  combination: Combination,
  pins: readonly (Prepared | Failed | undefined)[],
): Failure | undefined {
  const at = pins.findIndex((pin) => pin?.error !== undefined);
  const error = pins[at]?.error;
  if (error === undefined) return undefined;
  const source = plan.sources[sourcesOf(combination)[at] as number] as Source;
  return { ...error, message: `${sourceTitle(source)}: ${error.message}` };
}

/** Removes a video that was saved after its combination was given up, because the manifest does not list it. */
async function removeLateVideo(task: Task, combination: Combination, deps: RenderDeps): Promise<void> {
  const counted = await reported(task, combination.index, deps);
  if (counted?.status !== 'succeeded') await removeVideos(task, [combination], deps);
}

/**
 * Reports under the lease, so that a running holder has stopped, or has made the video after all. The handler of another
 * message reports by itself.
 */
async function reportCancelled(
  task: Task,
  combination: Combination,
  { signal, messageId }: Delivery,
  deps: RenderDeps,
): Promise<void> {
  await byOneMessage<Report>({
    leases: deps.leases,
    attempts: deps.attempts,
    key: renderKey(task.id, combination.index),
    messageId,
    signal,
    find: () => reported(task, combination.index, deps),
    async create({ crashes, failures }) {
      const report = cancelledReport(task, combination, crashes + failures);
      await reportAndCheck(task, report, deps);
      return report;
    },
  });
}

async function reported(task: Task, index: number, deps: RenderDeps): Promise<Report | undefined> {
  return (await deps.reports.list(task.id, index, index))[0];
}

/** Undefined until all sources are prepared or one of them has failed. */
async function pinsOf(
  task: Task,
  combination: Combination,
  deps: RenderDeps,
): Promise<(Prepared | Failed | undefined)[] | undefined> {
  const numbers = sourcesOf(combination);
  const found = await deps.pins.read(
    task.id,
    numbers.map((number) => `prepared-${number}` as const),
  );
  if (!isSettled(found)) return undefined;
  const { sources } = task.plan;
  const formats = formatsOf(task.plan);
  return found.map((pin, at) => pin && checkedPin(pin, sources[numbers[at] as number] as Source, formats));
}
