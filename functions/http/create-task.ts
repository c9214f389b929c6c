/** Creates tasks, for new requests and for retries. */
import { randomUUID } from 'node:crypto';
import { counted } from '../base/counted.ts';
import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { add } from '../base/telemetry/metrics.ts';
import { traceparent } from '../base/trace.ts';
import type { Accepted } from '../model/answers/task.ts';
import { hasValue, withId } from '../model/file-name-template.ts';
import { taskLinks } from '../model/links.ts';
import { shown } from '../model/mistakes.ts';
import type { Claim, Task } from '../model/task.ts';
import { publishTask } from '../pipeline/publish.ts';
import type { Queue } from '../ports/queue.ts';
import type { TaskStore } from '../ports/tasks.ts';
import { POLL_LATER } from './poll-later.ts';

export interface CreateTaskDeps {
  tasks: TaskStore;
  queue: Queue;
  log: Log;
  /** Where callers reach the service, without a trailing slash. */
  baseUrl: (request: Request) => string;
}

/** A task that does not have an id yet. */
export type Draft = Omit<Task, 'id' | 'createdAt' | 'fileId' | 'traceparent'> & Partial<Pick<Task, 'fileId'>>;

/**
 * Stores the task, publishes its messages and answers 202. If another task already holds the claim, creates nothing and
 * repeats the answer for that task.
 */
export async function createTask(
  request: Request,
  draft: Draft,
  claim: Claim | undefined,
  deps: CreateTaskDeps,
): Promise<Response> {
  for (;;) {
    const earlier = await earlierAnswer(request, claim, deps);
    if (earlier !== undefined) return earlier;
    const { named, takesNames } = await withOwnNames(draft, deps);
    const id = randomUUID();
    const task: Task = { fileId: id, ...named, id, createdAt: new Date().toISOString(), ...inTrace() };
    // Fails if another request has just taken the claim or the names, or if a task in this folder has the same first digits.
    if (!(await deps.tasks.create(task, claim, takesNames))) continue;
    add('every_cut.tasks.accepted', 1);
    await publish(task, deps);
    return answer(request, task, deps);
  }
}

function inTrace(): Pick<Task, 'traceparent'> {
  const trace = traceparent();
  return trace === undefined ? {} : { traceparent: trace };
}

/**
 * No two tasks share the name of a file. In each folder, one task may have names without an id; others get theirs added. A
 * retry has the names of its first task.
 */
async function withOwnNames(
  draft: Draft,
  { tasks }: CreateTaskDeps,
): Promise<{ named: Draft; takesNames: boolean }> {
  const { plan, folder, warnings, retryOf } = draft;
  const { fileName } = plan;
  if (fileName === undefined || retryOf !== null || hasValue(fileName, 'id')) {
    return { named: draft, takesNames: false };
  }
  if (!(await tasks.namesTaken(folder))) return { named: draft, takesNames: true };
  const changed = withId(fileName);
  const warning =
    `An earlier task has names without {id} in this folder, so those of this one are made of ${shown(changed)}. ` +
    'For names without it, use another task_name.';
  return {
    named: { ...draft, plan: { ...plan, fileName: changed }, warnings: [...warnings, warning] },
    takesNames: false,
  };
}

/** The answer to an earlier request with the same claim. Throws RequestError if that request had another body. */
export async function earlierAnswer(
  request: Request,
  claim: Claim | undefined,
  deps: CreateTaskDeps,
): Promise<Response | undefined> {
  const holder = claim && (await deps.tasks.claimed(claim.key));
  if (claim === undefined || holder === undefined) return undefined;
  if (holder.fingerprint !== claim.fingerprint) {
    throw new RequestError(
      'key_reused',
      // Without the task's id: whoever sends the key by chance must not learn it.
      'Expected the first request of this Idempotency-Key again, got a different one.',
    );
  }
  const task = await deps.tasks.get(holder.taskId);
  if (task !== undefined) return answer(request, task, deps, { 'idempotency-replayed': 'true' });
  // It was deleted a moment ago, and its claim with it.
  if ((await deps.tasks.progress(holder.taskId)) === undefined) return undefined;
  throw new Error(`Expected task ${holder.taskId}, which holds a claim, got one that cannot be used`);
}

async function publish(task: Task, deps: CreateTaskDeps): Promise<void> {
  const { id, name, plan, retryOf } = task;
  await publishTask(task, deps).catch((error: unknown) => {
    // The task is stored, so the sweep publishes it later. After an error the caller would post it a second time.
    deps.log.error(`Task "${name}" is stored, but its messages are not published yet`, {
      event: 'request.failed',
      task_id: id,
      task_name: name,
      error,
    });
  });
  const combinations = plan.combinations.length;
  const made = `${counted(combinations, 'combination')} of ${counted(plan.sources.length, 'source')}`;
  deps.log.info(`Accepted "${name}": ${made}`, {
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
  { baseUrl }: CreateTaskDeps,
  headers: Record<string, string> = {},
): Response {
  const base = baseUrl(request);
  const body: Accepted = {
    task_id: id,
    task_name: name,
    combinations: plan.combinations.length,
    seed: plan.seed,
    status_url: `${base}/tasks/${id}`,
    links: taskLinks(base, id),
    ...(retryOf === null ? {} : { retry_of: retryOf }),
    warnings,
  };
  const location = { location: body.status_url };
  return Response.json(body, { status: 202, headers: { ...location, ...POLL_LATER, ...headers } });
}
