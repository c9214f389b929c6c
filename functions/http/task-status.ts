/** Answers questions about a task: its status and the list of its renders. */
import { RequestError } from '../base/errors.ts';
import { describe } from '../base/telemetry/spans.ts';
import { renderKey } from '../coordination/lease-keys.ts';
import type { Problems } from '../coordination/problems.ts';
import {
  RENDER_STATUSES,
  type RenderList,
  type RenderOutcome,
  type RenderView,
} from '../model/answers/render.ts';
import type { ProblemView, StatusView } from '../model/answers/task.ts';
import type { WebhookView } from '../model/answers/webhook.ts';
import { NO_ATTEMPTS } from '../model/attempts.ts';
import { renderLinks, taskLinks } from '../model/links.ts';
import { expectedMs } from '../model/pace.ts';
import { targetCounts } from '../model/target-tally.ts';
import type { Progress, Task, TaskStatus } from '../model/task.ts';
import { outlineOf } from '../model/task-summary.ts';
import { joinOfTask, joinView } from '../pipeline/join-view.ts';
import { problemView } from '../pipeline/problem-view.ts';
import { type Begun, NOT_BEGUN, renderOutcome } from '../pipeline/render-view.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { PinStore } from '../ports/pins.ts';
import type { ReportStore } from '../ports/reports.ts';
import type { TaskStore } from '../ports/tasks.ts';
import type { WebhookStore } from '../ports/webhooks.ts';
import { taggedJson } from './etag.ts';
import { cursorOf, emptyPage, limitOf, nextCursor, PAGE } from './page.ts';
import { POLL_LATER } from './poll-later.ts';
import { choiceOf } from './query.ts';
import { statusOf } from './task-phase.ts';
import { webhookView } from './webhook-view.ts';

export interface TasksDeps {
  tasks: TaskStore;
  reports: ReportStore;
  leases: LeaseStore;
  attempts: AttemptStore;
  pins: PinStore;
  problems: Pick<Problems, 'latest'>;
  webhooks: Pick<WebhookStore, 'read'>;
  now?: () => number;
}

/** Most pages searched for one answer, when few renders have the wanted status. */
const MOST_PAGES = 10;

/** Its changes say nothing that the other fields do not. */
const CHANGED_BY_TIME = ['elapsed_seconds', 'eta_seconds'];

/** GET /tasks/{task_id} */
export async function getTask(
  request: Request,
  taskId: string,
  base: string,
  deps: TasksDeps,
): Promise<Response> {
  const view = await statusView(taskId, base, deps);
  const headers = view.completed_at === null ? POLL_LATER : {};
  return taggedJson(request, view, { headers, without: CHANGED_BY_TIME });
}

export async function statusView(taskId: string, base: string, deps: TasksDeps): Promise<StatusView> {
  const { task, progress } = await knownTask(taskId, deps);
  const now = (deps.now ?? Date.now)();
  const combinations = task.plan.combinations.length;
  const { succeeded, failed, cancelled, finishedAt } = progress;
  const [pins, join] = await Promise.all([deps.pins.count(taskId), joinOfTask(task, deps.pins)]);
  const status = await statusOf(task.id, outlineOf(task.plan), progress, async () => pins, deps.leases);
  const pending = combinations - succeeded - failed - cancelled;
  const created = Date.parse(task.createdAt);
  return {
    task_id: task.id,
    task_name: task.name,
    status,
    sources: task.plan.sources.length,
    prepared: pins.ready,
    combinations,
    succeeded,
    failed,
    cancelled,
    pending,
    percent: Math.floor((100 * (combinations - pending)) / combinations),
    elapsed_seconds: Math.max(0, ((finishedAt ?? now) - created) / 1000),
    eta_seconds: etaSeconds(status, progress, pending, now),
    problem: await problemOf(task, progress, deps),
    ...joinView(join, task.plan),
    output_folder: task.folder.location,
    retry_of: task.retryOf,
    created_at: task.createdAt,
    completed_at: finishedAt === null ? null : new Date(finishedAt).toISOString(),
    metadata: task.metadata,
    webhook: await webhookOf(task, progress, deps),
    targets: targetCounts(task.plan.targets, progress.targets),
    warnings: task.warnings,
    links: taskLinks(base, task.id),
  };
}

async function problemOf(task: Task, progress: Progress, deps: TasksDeps): Promise<ProblemView | null> {
  if (progress.finishedAt !== null) return null;
  return problemView(task, progress, await deps.problems.latest(task.id), deps);
}

async function webhookOf(
  task: Task,
  progress: Progress,
  { webhooks }: TasksDeps,
): Promise<WebhookView | null> {
  if (task.callback == null) return null;
  return webhookView(
    task.id,
    task.callback,
    progress.finishedAt === null ? undefined : await webhooks.read(task.id),
  );
}

/** GET /tasks/{task_id}/renders?status=&limit=&cursor= */
export async function listRenders(
  request: Request,
  taskId: string,
  base: string,
  query: URLSearchParams,
  deps: TasksDeps,
): Promise<Response> {
  const status = choiceOf('status', query.get('status'), RENDER_STATUSES);
  const limit = limitOf(query.get('limit'));
  const from = cursorOf(query.get('cursor'));
  const { task } = await knownTask(taskId, deps);
  const page = emptyPage<RenderView>(limit);
  // Few of many may have the wanted status.
  const step = status === undefined ? limit : PAGE;
  const { combinations } = task.plan;
  let next = from;
  // The cursor is a position in the plan, so reports that arrive meanwhile neither repeat nor skip a render.
  while (next < Math.min(combinations.length, from + MOST_PAGES * PAGE) && !page.isFull) {
    for (const outcome of await viewsOf(task, combinations.slice(next, next + step), deps)) {
      if (page.isFull) break;
      if (status === undefined || outcome.status === status) page.add(withLinks(outcome, task, base));
      next++;
    }
  }
  const body: RenderList = { renders: [...page.entries], next_cursor: nextCursor(next, combinations.length) };
  return taggedJson(request, body);
}

export function withLinks(outcome: RenderOutcome, task: Task, base: string): RenderView {
  const isSaved = outcome.status === 'succeeded';
  return { ...outcome, links: renderLinks(base, task.id, outcome.index, isSaved) };
}

export async function viewsOf(
  task: Task,
  slice: Task['plan']['combinations'],
  deps: TasksDeps,
): Promise<RenderOutcome[]> {
  const indexes = slice.map(({ index }) => index);
  const found = await deps.reports.list(task.id, Math.min(...indexes), Math.max(...indexes));
  const reportOf = new Map(found.map((report) => [report.index, report]));
  const open = indexes.filter((index) => !reportOf.has(index));
  const begunOf = await begunRenders(task, open, deps);
  return slice.map((combination) =>
    renderOutcome(
      task,
      combination,
      reportOf.get(combination.index),
      begunOf.get(combination.index) ?? NOT_BEGUN,
    ),
  );
}

/** By index; without those that nobody has begun, of which there may be many. */
async function begunRenders(
  { id }: Task,
  indexes: readonly number[],
  { leases, attempts }: TasksDeps,
): Promise<Map<number, Begun>> {
  const states = await leases.read(indexes.map((index) => renderKey(id, index)));
  const begun = indexes.flatMap((index, at) => {
    const { [at]: state = 'none' } = states;
    return state === 'none' ? [] : [{ index, state }];
  });
  const counts = await attempts.read(begun.map(({ index }) => renderKey(id, index)));
  return new Map(
    begun.map(({ index, state }, at) => [index, { state, attempts: counts[at] ?? NO_ATTEMPTS }]),
  );
}

/** Throws RequestError if there is no task with this id. */
export async function knownTask(
  taskId: string,
  { tasks }: Pick<TasksDeps, 'tasks'>,
): Promise<{ task: Task; progress: Progress }> {
  const task = await tasks.get(taskId);
  const progress = await tasks.progress(taskId);
  if (task !== undefined && progress !== undefined) {
    describe({ 'every_cut.task.id': taskId });
    return { task, progress };
  }
  throw new RequestError(
    'not_found',
    `Expected the id of a task, got ${JSON.stringify(taskId.slice(0, 40))}, which is unknown.`,
  );
}

/** When the task ended, in milliseconds since the epoch. Throws RequestError task_running if it has not. */
export function checkEnded({ finishedAt }: Pick<Progress, 'finishedAt'>): number {
  if (finishedAt !== null) return finishedAt;
  throw new RequestError('task_running', 'Expected a task that has ended, got one that is still running.');
}

/** At the pace of the videos that succeeded; null while that says nothing about the rest. */
function etaSeconds(
  status: TaskStatus,
  { succeededAt }: Progress,
  pending: number,
  now: number,
): number | null {
  if (pending === 0) return 0;
  const ms = status === 'rendering' ? expectedMs(succeededAt, pending, now) : undefined;
  return ms === undefined ? null : Math.round(ms / 100) / 10;
}
