/** The one way in which a task comes into being, for whoever asks for it. */
import { randomUUID } from 'node:crypto';
import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Claim, Task } from '../model/task.ts';
import { publishTask } from '../pipeline/publish.ts';
import type { Queue, TaskStore } from '../ports.ts';

export interface AcceptDeps {
  tasks: TaskStore;
  queue: Queue;
  log: Log;
  /** Where callers reach the service, without a slash at the end. */
  baseUrl: (request: Request) => string;
}

/** A task that has no id yet. */
export type Draft = Omit<Task, 'id' | 'createdAt' | 'fileId'> & Partial<Pick<Task, 'fileId'>>;

/**
 * Stores the task, publishes its messages and answers 202. Where another task has the claim, the answer is the one
 * that was given for that task, and nothing is made.
 */
export async function accept(
  request: Request,
  draft: Draft,
  claim: Claim | undefined,
  deps: AcceptDeps,
): Promise<Response> {
  for (;;) {
    const earlier = await answeredBefore(request, claim, deps);
    if (earlier !== undefined) return earlier;
    const id = randomUUID();
    const task: Task = { fileId: id, ...draft, id, createdAt: new Date().toISOString() };
    // Refused where the claim was taken just now, or the id's first digits are taken in this folder.
    if (!(await deps.tasks.create(task, claim))) continue;
    await publish(task, deps);
    return answer(request, task, deps);
  }
}

/** The answer that a request with the same claim has got. Throws RequestError where that was another request. */
export async function answeredBefore(
  request: Request,
  claim: Claim | undefined,
  deps: AcceptDeps,
): Promise<Response | undefined> {
  const holder = claim && (await deps.tasks.claimed(claim.key));
  if (claim === undefined || holder === undefined) return undefined;
  if (holder.fingerprint !== claim.fingerprint) {
    throw new RequestError(
      'key_reused',
      `Expected the request that this Idempotency-Key came with first, got another one. Its task is ${holder.taskId}.`,
    );
  }
  const task = await deps.tasks.get(holder.taskId);
  if (task === undefined) throw new Error(`Expected task ${holder.taskId}, which has a claim, got none`);
  return answer(request, task, deps, { 'idempotency-replayed': 'true' });
}

async function publish(task: Task, deps: AcceptDeps): Promise<void> {
  const { id, name, plan, retryOf } = task;
  await publishTask(task, deps).catch((error: unknown) => {
    // The task is stored, so it is accepted: the sweep publishes it. An error would have the caller post it twice.
    deps.log.error(`Task "${name}" is stored, its messages are not out yet`, {
      event: 'request.failed',
      task_id: id,
      task_name: name,
      error,
    });
  });
  const combinations = plan.combinations.length;
  deps.log.info(`Accepted "${name}": ${combinations} combinations of ${plan.sources.length} sources`, {
    event: 'task.accepted',
    task_id: id,
    task_name: name,
    combinations,
    sources: plan.sources.length,
    seed: plan.seed,
    ...(retryOf === null ? {} : { retry_of: retryOf }),
  });
}

function answer(
  request: Request,
  { id, name, plan, retryOf, warnings }: Task,
  { baseUrl }: AcceptDeps,
  headers: Record<string, string> = {},
): Response {
  const body = {
    task_id: id,
    task_name: name,
    combinations: plan.combinations.length,
    seed: plan.seed,
    status_url: `${baseUrl(request)}/tasks/${id}`,
    ...(retryOf === null ? {} : { retry_of: retryOf }),
    warnings,
  };
  return Response.json(body, { status: 202, headers });
}
