import { TransientError } from '../base/errors.ts';
import { unlessCancelled } from '../coordination/cancellation.ts';
import { type CrashIsolationDeps, isolateAfterCrash } from '../coordination/crash-isolation.ts';
import { graceIsOver } from '../coordination/grace.ts';
import { once } from '../coordination/lease.ts';
import { prepareKey, renderKey, republishKey } from '../coordination/lease-keys.ts';
import { tryAtLeastOnce } from '../coordination/retry-policy.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import type { MessageOf } from '../model/messages.ts';
import type { Failed, Prepared } from '../model/pins.ts';
import { type Combination, type Source, sourcesOf } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import { checkedPin } from '../pipeline/check-prepared.ts';
import { type MakeVideoDeps, makeVideo, type Signals } from '../pipeline/render-video.ts';
import {
  cancelledReport,
  checkCompletion,
  failedReport,
  type ReportingDeps,
  removeVideos,
  reportAndCheck,
} from '../pipeline/reporting.ts';
import type { Delivery, TaskStore } from '../ports.ts';

export interface RenderDeps extends MakeVideoDeps, ReportingDeps, CrashIsolationDeps {
  tasks: TaskStore;
  /** Limits mixing, and serves tasks in turn. Waiting for sources and saving are not limited by it. */
  mixing: (taskId: string) => Semaphore;
  /** How long to wait for sources or for another holder before the message is handed back. */
  patienceMs: number;
}

/** A prepare that has not been worked on for this long is published again, because its message may be lost. */
const REPUBLISH_AFTER_MS = 600_000;

/** Makes one combination and reports it once, however often the message is delivered. */
export async function render(
  { taskId, index }: MessageOf<'render'>,
  { signal }: Delivery,
  deps: RenderDeps,
): Promise<void> {
  const task = await deps.tasks.get(taskId);
  const combination = task?.plan.combinations.find((candidate) => candidate.index === index);
  if (task === undefined || combination === undefined) return;
  if ((await reported(task, index, deps)) !== undefined) return checkCompletion(taskId, deps, index);

  const made = await unlessCancelled(taskId, signal, deps.tasks, (cancelled) =>
    makeAndReport(task, combination, { signal, cancelled }, deps),
  );
  if (made === 'cancelled') await reportCancelled(task, combination, signal, deps);
  // The process that made the report may have died before this check.
  await checkCompletion(taskId, deps, index);
}

async function makeAndReport(
  task: Task,
  combination: Combination,
  { signal, cancelled }: Signals,
  deps: RenderDeps,
): Promise<void> {
  const pins = await pinsOf(task, combination, AbortSignal.any([signal, cancelled]), deps);
  const broken = pins.find((pin) => pin.error !== undefined);
  if (broken?.error !== undefined) {
    await reportAndCheck(task, failedReport(task, combination, broken.error), deps);
    return;
  }
  await once<Report>({
    leases: deps.leases,
    attempts: deps.attempts,
    key: renderKey(task.id, combination.index),
    signal,
    semaphore: isolateAfterCrash(renderKey(task.id, combination.index), deps, deps.mixing(task.id)),
    patienceMs: deps.patienceMs,
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
}

/** Removes a video that was saved after its combination was given up, because the manifest does not list it. */
async function removeLateVideo(task: Task, combination: Combination, deps: RenderDeps): Promise<void> {
  const counted = await reported(task, combination.index, deps);
  if (counted?.status !== 'succeeded') await removeVideos(task, [combination], deps);
}

/** Reports under the lease, so that a running holder has stopped, or has made the video after all. */
async function reportCancelled(
  task: Task,
  combination: Combination,
  signal: AbortSignal,
  deps: RenderDeps,
): Promise<void> {
  await once<Report>({
    leases: deps.leases,
    attempts: deps.attempts,
    key: renderKey(task.id, combination.index),
    signal,
    patienceMs: deps.patienceMs,
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

/** Waits for the sources. Publishes the prepare of a late source again if it is not being worked on. */
async function pinsOf(
  task: Task,
  combination: Combination,
  signal: AbortSignal,
  deps: RenderDeps,
): Promise<(Prepared | Failed)[]> {
  const numbers = sourcesOf(combination);
  const names = numbers.map((number) => `prepared-${number}` as const);
  const found = await deps.pins.wait(task.id, names, { timeoutMs: deps.patienceMs, signal });
  const pins = numbers.flatMap((number, at) => {
    const { [at]: pin } = found;
    return pin === undefined ? [] : [checkedPin(pin, task.plan.sources[number] as Source)];
  });
  if (pins.length === names.length || pins.some((pin) => pin.error !== undefined)) return pins;

  const missing = numbers.filter((_, at) => found[at] === undefined);
  const states = await deps.leases.read(missing.map((number) => prepareKey(task.id, number)));
  const abandoned = missing.filter((_, at) => states[at] !== 'held');
  for (const source of abandoned) {
    // Most messages are only late, not lost.
    if (await graceIsOver(deps.attempts, republishKey(task.id, source), REPUBLISH_AFTER_MS)) {
      await deps.queue.publish([{ topic: 'prepare', taskId: task.id, source }]);
    }
  }
  throw new TransientError(
    'waiting',
    `Combination ${combination.index} waits for ${missing.length} sources.`,
  );
}
