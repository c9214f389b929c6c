import { RequestError } from '../base/errors.ts';
import { referTo } from '../base/telemetry/spans.ts';
import { retryKey } from '../coordination/lease-keys.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import { partOf, type WantedOutput } from '../model/plan.ts';
import type { Claim, Task } from '../model/task.ts';
import { checkedProfile } from '../pipeline/check-prepared.ts';
import { allReports } from '../pipeline/reporting.ts';
import type { PinStore } from '../ports/pins.ts';
import { type CreateTaskDeps, createTask, type Draft } from './create-task.ts';
import { checkEnded, knownTask, type TasksDeps } from './task-status.ts';

export interface RetryDeps extends CreateTaskDeps, TasksDeps {}

/**
 * POST /tasks/{task_id}/retry: creates a task for the failed combinations, with the same choices, output format, folder
 * and file names. A task has one retry, so a repeated call gets the same answer. To retry what fails again, retry the
 * new task.
 */
export async function retryTask(request: Request, taskId: string, deps: RetryDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  checkEnded(progress);
  const failed = (await allReports(task, deps.reports)).filter(({ status }) => status === 'failed');
  if (failed.length === 0) {
    throw new RequestError('nothing_to_retry', 'Expected a task with failed combinations, got one without.');
  }
  const indexes = new Set(failed.map(({ index }) => index));
  // New videos must match the existing ones. If there are none, size and rate are chosen again.
  const settled = progress.succeeded > 0 ? await settledOutput(task, deps.pins) : task.plan.output;
  // Everything else stays as it is, also what later versions add to tasks and plans.
  const plan = partOf({ ...task.plan, output: settled }, indexes);
  // It has the trace of its own request.
  const { traceparent, ...first } = task;
  const draft: Draft = { ...first, plan, retryOf: task.id };
  const claim: Claim = { key: retryKey(task.id), fingerprint: '', ttlMs: null };
  referTo(traceparent);
  return createTask(request, draft, claim, deps);
}

/** Size and rate of the first task's videos, which may come from a clip that the retry does not use. */
async function settledOutput({ id, plan }: Task, pins: PinStore): Promise<WantedOutput> {
  const [pinned] = await pins.read(id, ['profile']);
  const profile = checkedProfile(pinned, plan.output);
  if (profile === undefined) return plan.output;
  const { width, height, rate } = profile;
  return { ...plan.output, width, height, fps: framesPerSecond(rate) };
}
