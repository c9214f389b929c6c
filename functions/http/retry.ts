import { RequestError } from '../base/errors.ts';
import { retryKey } from '../coordination/lease-keys.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import { partOf, type WantedOutput } from '../model/plan.ts';
import type { Claim, Task } from '../model/task.ts';
import { allReports } from '../pipeline/reporting.ts';
import type { PinStore } from '../ports.ts';
import { type AcceptDeps, accept, type Draft } from './create-task.ts';
import { knownTask, type TasksDeps } from './task-status.ts';

export interface RetryDeps extends AcceptDeps, TasksDeps {
  pins: PinStore;
}

/**
 * POST /tasks/{task_id}/retry: a new task of the failed combinations, with the same choices, picture, folder and file
 * names. A task has one retry: asked again, the answer is the same. What fails in it is retried as a task of its own.
 */
export async function retryTask(request: Request, taskId: string, deps: RetryDeps): Promise<Response> {
  const { task, progress } = await knownTask(taskId, deps);
  if (progress.finishedAt === null) {
    throw new RequestError('task_running', 'Expected a task that has ended, got one that has not.');
  }
  const failed = (await allReports(task, deps.reports)).filter(({ status }) => status === 'failed');
  if (failed.length === 0) {
    throw new RequestError('nothing_to_retry', 'Expected a task with failed combinations, got none of them.');
  }
  const indexes = new Set(failed.map(({ index }) => index));
  // What the videos that are there look like; where there are none, it is settled anew.
  const output = progress.succeeded > 0 ? await settledOutput(task, deps.pins) : task.plan.output;
  const draft: Draft = {
    name: task.name,
    plan: { ...partOf(task.plan, indexes), output },
    folder: task.folder,
    metadata: task.metadata,
    warnings: task.warnings,
    retryOf: task.id,
    fileId: task.fileId,
  };
  const claim: Claim = { key: retryKey(task.id), fingerprint: '', ttlMs: null };
  return accept(request, draft, claim, deps);
}

/** As the first task's videos are, also where that came from a clip that the retry has not. */
async function settledOutput({ id, plan }: Task, pins: PinStore): Promise<WantedOutput> {
  const [profile] = await pins.read(id, ['profile']);
  if (profile === undefined) return plan.output;
  const { width, height, rate } = profile;
  return { ...plan.output, width, height, fps: framesPerSecond(rate) };
}
