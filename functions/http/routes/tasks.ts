import { acceptedSchema, statusSchema } from '../../model/answers/task.ts';
import { type CancelDeps, cancelTask } from '../cancel.ts';
import { RETRY_ACCEPTED, STATUS } from '../examples.ts';
import { type RetryDeps, retryTask } from '../retry.ts';
import { LOCATION, REPLAYED, type Route, TASK_ID } from '../route.ts';
import { getTask } from '../task-status.ts';

const parameters = { task_id: TASK_ID };

export const TASKS: readonly Route<CancelDeps & RetryDeps>[] = [
  {
    name: 'status',
    method: 'GET',
    path: '/tasks/{task_id}',
    tag: 'Tasks',
    summary: 'See how a task is going',
    parameters,
    answers: { 200: { description: 'The status of the task.', schema: statusSchema, example: STATUS } },
    codes: [],
    answer: ({ path, base }, deps) => getTask(path['task_id'] as string, base, deps),
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
      202: { description: 'The task is ending.', schema: statusSchema },
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
        headers: { Location: LOCATION, 'Idempotency-Replayed': REPLAYED },
        example: RETRY_ACCEPTED,
      },
    },
    codes: ['task_running', 'nothing_to_retry'],
    answer: ({ request, path }, deps) => retryTask(request, path['task_id'] as string, deps),
  },
];
