/** GET /tasks: the list of tasks, newest first. */
import pLimit from 'p-limit';
import type { TaskEntry, TaskList } from '../model/answers/task.ts';
import { MAX_NAME } from '../model/fields/sources.ts';
import { taskLinks } from '../model/links.ts';
import { ENDED_STATUSES, TASK_STATUSES, type TaskStatus } from '../model/task.ts';
import type { TaskPosition, TaskSummary } from '../model/task-summary.ts';
import type { LeaseStore } from '../ports/leases.ts';
import type { PinStore } from '../ports/pins.ts';
import type { TaskStore } from '../ports/tasks.ts';
import { emptyPage, limitOf, strangeCursor } from './page.ts';
import { choiceOf, queryMistake } from './query.ts';
import { statusOf } from './task-phase.ts';

export interface TaskListDeps {
  tasks: Pick<TaskStore, 'list'>;
  leases: Pick<LeaseStore, 'read'>;
  pins: Pick<PinStore, 'count'>;
}

/** Unfinished tasks whose status is read at a time: up to four reads each. */
export const READ_AT_ONCE = 10;
/** Unfinished tasks that one answer looks at, when few of them have the wanted status: each may have 50 counters. */
export const MOST_LOOKED_AT = 100;
/** A position in a cursor, with the name of the list, so that the cursor of another one is refused. */
const CURSOR = /^tasks (\d{1,16}) ([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})$/;

export async function listTasks(base: string, query: URLSearchParams, deps: TaskListDeps): Promise<Response> {
  const status = choiceOf('status', query.get('status'), TASK_STATUSES);
  const name = nameFilter(query.get('name'));
  const limit = limitOf(query.get('limit'));
  const after = positionOf(query.get('cursor'));
  // The store knows how a task ended, but not how far it is: that is found out for each.
  const ended = status === undefined ? undefined : (ENDED_STATUSES.find((own) => own === status) ?? 'open');
  const most = ended === 'open' ? MOST_LOOKED_AT : limit;
  const found = await deps.tasks.list({ limit: most, after, name, ended });
  const atOnce = pLimit(READ_AT_ONCE);
  const entries = await Promise.all(found.tasks.map((task) => atOnce(() => entryOf(task, base, deps))));
  const page = emptyPage<TaskEntry>(limit);
  let { next } = found;
  for (const [at, entry] of entries.entries()) {
    if (page.isFull) {
      next = found.tasks[at - 1]?.position;
      break;
    }
    if (status === undefined || entry.status === status) page.add(entry);
  }
  const body: TaskList = {
    tasks: [...page.entries],
    next_cursor: next === undefined ? null : cursorOf(next),
  };
  return Response.json(body);
}

/** Of a task that has not ended. */
export function openStatusOf(task: TaskSummary, deps: Omit<TaskListDeps, 'tasks'>): Promise<TaskStatus> {
  return statusOf(task.id, task.outline, task, () => deps.pins.count(task.id), deps.leases);
}

/** What the store returns may have been written by others, so the numbers need not fit together. */
async function entryOf(task: TaskSummary, base: string, deps: TaskListDeps): Promise<TaskEntry> {
  const { id, combinations, succeeded, failed, cancelled, finishedAt } = task;
  const pending = Math.max(0, combinations - succeeded - failed - cancelled);
  const status = task.ended ?? (await openStatusOf(task, deps));
  return {
    task_id: id,
    task_name: task.name,
    status,
    combinations,
    succeeded,
    failed,
    cancelled,
    pending,
    percent: combinations === 0 ? 0 : Math.floor((100 * (combinations - pending)) / combinations),
    created_at: task.createdAt,
    completed_at: finishedAt === null ? null : new Date(finishedAt).toISOString(),
    links: taskLinks(base, id),
  };
}

function cursorOf({ at, id }: TaskPosition): string {
  return Buffer.from(`tasks ${at} ${id}`).toString('base64url');
}

function positionOf(cursor: string | null): TaskPosition | undefined {
  if (cursor === null || cursor === '') return undefined;
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, at = '', id = ''] = CURSOR.exec(text) ?? [];
  const position = { at: Number(at), id };
  if (id !== '' && Number.isSafeInteger(position.at) && cursorOf(position) === cursor) return position;
  throw strangeCursor();
}

function nameFilter(text: string | null): string | undefined {
  if (text === null || text === '') return undefined;
  const { length } = [...text];
  if (length <= MAX_NAME) return text;
  throw queryMistake(
    'name',
    `Expected a task_name, which has at most ${MAX_NAME} characters, got ${length}. Leave it out for all.`,
  );
}
