import { acceptedSchema, statusSchema, taskListSchema } from '../../model/answers/task.ts';
import { MAX_NAME } from '../../model/fields/sources.ts';
import { TASK_STATUSES } from '../../model/task.ts';
import { type CancelDeps, cancelTask } from '../cancel.ts';
import { deleteTask } from '../delete-task.ts';
import { RETRY_ACCEPTED, STATUS, TASKS_PAGE } from '../examples.ts';
import { type RetryDeps, retryTask } from '../retry.ts';
import {
  CURSOR,
  ETAG,
  IF_NONE_MATCH,
  LIMIT,
  LOCATION,
  POLL_AFTER,
  REPLAYED,
  type Route,
  TASK_ID,
} from '../route.ts';
import { type SendWebhookDeps, sendWebhook } from '../send-webhook.ts';
import { listTasks } from '../task-list.ts';
import { getTask } from '../task-status.ts';

const parameters = { task_id: TASK_ID };

export const TASKS: readonly Route<CancelDeps & RetryDeps & SendWebhookDeps>[] = [
  {
    name: 'tasks',
    method: 'GET',
    path: '/tasks',
    tag: 'Tasks',
    summary: 'List the tasks',
    description:
      'Newest first. A cursor stays valid while tasks arrive and while tasks are deleted, and it can be used with other ' +
      'filters. With the status of a task that has not ended, one answer looks at up to 100 of these, so a page may be ' +
      'short, or empty, although next_cursor leads on.',
    query: {
      status: {
        description: 'Only tasks with this status; left out: all.',
        schema: { type: 'string', enum: TASK_STATUSES },
      },
      name: {
        description: 'Only tasks with exactly this task_name; left out: all.',
        schema: { type: 'string', maxLength: MAX_NAME },
      },
      limit: LIMIT,
      cursor: CURSOR,
    },
    answers: { 200: { description: 'A page of tasks.', schema: taskListSchema, example: TASKS_PAGE } },
    codes: [],
    answer: ({ query, base }, deps) => listTasks(base, query, deps),
  },
  {
    name: 'status',
    method: 'GET',
    path: '/tasks/{task_id}',
    tag: 'Tasks',
    summary: 'See how a task is going',
    parameters,
    headers: { 'If-None-Match': IF_NONE_MATCH },
    answers: {
      200: {
        description: 'The status of the task.',
        schema: statusSchema,
        headers: { ETag: ETAG, 'Retry-After': POLL_AFTER },
        example: STATUS,
      },
      304: {
        description: 'Nothing has changed since the answer with that ETag.',
        headers: { ETag: ETAG, 'Retry-After': POLL_AFTER },
      },
    },
    codes: [],
    answer: ({ request, path, base }, deps) => getTask(request, path['task_id'] as string, base, deps),
  },
  {
    name: 'delete',
    method: 'DELETE',
    path: '/tasks/{task_id}',
    tag: 'Tasks',
    summary: 'Forget a task that has ended',
    description:
      'Removes its status, its list of videos and its Idempotency-Key, which may then be used again. The videos and the ' +
      'manifest in the output folder stay.',
    parameters,
    answers: { 204: { description: 'The task is forgotten.' } },
    codes: ['task_running'],
    answer: ({ path }, deps) => deleteTask(path['task_id'] as string, deps),
  },
  {
    name: 'cancel',
    method: 'POST',
    path: '/tasks/{task_id}/cancel',
    tag: 'Tasks',
    summary: 'Cancel a task',
    parameters,
    answers: {
      200: { description: 'The task has ended.', schema: statusSchema },
      202: {
        description: 'The task is ending.',
        schema: statusSchema,
        headers: { Location: LOCATION, 'Retry-After': POLL_AFTER },
      },
    },
    codes: [],
    answer: ({ path, base }, deps) => cancelTask(path['task_id'] as string, base, deps),
  },
  {
    name: 'retry',
    method: 'POST',
    path: '/tasks/{task_id}/retry',
    tag: 'Tasks',
    summary: 'Make the failed videos of a task again, as a new task',
    parameters,
    answers: {
      202: {
        description: 'The new task was accepted.',
        schema: acceptedSchema,
        headers: { Location: LOCATION, 'Retry-After': POLL_AFTER, 'Idempotency-Replayed': REPLAYED },
        example: RETRY_ACCEPTED,
      },
    },
    codes: ['task_running', 'nothing_to_retry'],
    answer: ({ request, path }, deps) => retryTask(request, path['task_id'] as string, deps),
  },
  {
    name: 'send-webhook',
    method: 'POST',
    path: '/tasks/{task_id}/webhook',
    tag: 'Tasks',
    summary: 'Send the event of a task to its callback_url again',
    description:
      'The event has the same webhook-id as before. It is sent whatever became of it, also after 410.',
    parameters,
    answers: {
      202: {
        description: 'The event is being sent.',
        schema: statusSchema,
        headers: { Location: LOCATION, 'Retry-After': POLL_AFTER },
      },
    },
    codes: ['task_running', 'no_webhook'],
    answer: ({ path, base }, deps) => sendWebhook(path['task_id'] as string, base, deps),
  },
];
