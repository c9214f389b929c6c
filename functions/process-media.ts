import { randomInt, randomUUID } from 'node:crypto';
import { RequestError } from './errors.ts';
import { readJson } from './http.ts';
import type { Log } from './log.ts';
import type { OutputFolder, OutputStore, Queue, Speech, Task, TaskStore } from './ports.ts';
import { publishTask } from './publish.ts';
import { choicesOf } from './renders.ts';
import { makePlan, type Plan } from './task/plan.ts';
import { type Limits, readRequest, type ValidRequest } from './task/request.ts';

export interface ProcessMediaDeps {
  tasks: TaskStore;
  queue: Queue;
  outputs: OutputStore;
  speech: Pick<Speech, 'notice'>;
  log: Log;
  limits: Limits;
  /** Where callers reach the service, without a slash at the end. */
  baseUrl: (request: Request) => string;
}

/** crypto.randomInt takes ranges below 2^48; a seed has 32 bits. */
const SEEDS = 2 ** 32;

/** POST /process_media: checks, plans, makes the folder, stores the task, publishes its messages. */
export async function processMedia(request: Request, deps: ProcessMediaDeps): Promise<Response> {
  const body = await readJson(request);
  const valid = readRequest(body, deps.limits);
  refuseIdempotencyKey(request);
  const plan = makePlan({ ...valid, seed: valid.seed ?? randomInt(SEEDS) });
  const warnings = [...valid.warnings, ...speechWarnings(valid, deps)];
  if (valid.dryRun) return Response.json(planned(valid, plan, warnings));

  const folder = await deps.outputs.createFolder(valid.taskName);
  const task = await createTask(valid, plan, folder, warnings, deps);
  await publishTask(task, deps).catch((error: unknown) => {
    // The task is stored, so it is accepted: the sweep publishes it. An error would have the caller post it twice.
    deps.log.error(`Task "${task.name}" is stored, its messages are not out yet`, {
      event: 'request.failed',
      task_id: task.id,
      task_name: task.name,
      error,
    });
  });
  deps.log.info(`Accepted "${task.name}": ${plan.total} combinations of ${plan.sources.length} sources`, {
    event: 'task.accepted',
    task_id: task.id,
    task_name: task.name,
    combinations: plan.total,
    sources: plan.sources.length,
    seed: plan.seed,
  });
  return Response.json(
    {
      task_id: task.id,
      task_name: task.name,
      combinations: plan.total,
      seed: plan.seed,
      status_url: `${deps.baseUrl(request)}/tasks/${task.id}`,
      warnings,
    },
    { status: 202 },
  );
}

async function createTask(
  { taskName, metadata }: ValidRequest,
  plan: Plan,
  folder: OutputFolder,
  warnings: string[],
  { tasks }: ProcessMediaDeps,
): Promise<Task> {
  for (;;) {
    const task: Task = {
      id: randomUUID(),
      name: taskName,
      createdAt: new Date().toISOString(),
      plan,
      folder,
      metadata,
      warnings,
      retryOf: null,
    };
    // Refused where the id's first digits, which the file names carry, are taken in this folder.
    if (await tasks.create(task)) return task;
  }
}

function planned({ taskName }: ValidRequest, plan: Plan, warnings: string[]) {
  return {
    dry_run: true,
    task_name: taskName,
    combinations: plan.total,
    seed: plan.seed,
    warnings,
    renders: plan.combinations.map((combination) => choicesOf({ plan }, combination)),
  };
}

function speechWarnings({ lines }: ValidRequest, { speech }: ProcessMediaDeps): string[] {
  return lines.length > 0 && speech.notice !== null ? [speech.notice] : [];
}

/** Ignoring the key would make a second task where the caller counts on one. */
function refuseIdempotencyKey(request: Request): void {
  if (!request.headers.has('idempotency-key')) return;
  throw new RequestError('invalid_request', 'The request has one mistake; nothing was started.', {
    mistakes: [
      {
        pointer: '',
        message:
          'Expected only what this build can do, got the header Idempotency-Key: not available here. Leave it out.',
      },
    ],
  });
}
