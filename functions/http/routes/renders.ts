import { RENDER_STATUSES, renderListSchema } from '../../model/answers/render.ts';
import { RENDERS_PAGE } from '../examples.ts';
import { CURSOR, type Route, TASK_ID } from '../route.ts';
import { listRenders, type TasksDeps } from '../task-status.ts';

export const RENDERS: readonly Route<TasksDeps>[] = [
  {
    name: 'renders',
    method: 'GET',
    path: '/tasks/{task_id}/renders',
    tag: 'Videos',
    summary: 'List the videos of a task',
    parameters: { task_id: TASK_ID },
    query: {
      status: {
        description: 'Only videos with this status; left out: all.',
        schema: { type: 'string', enum: RENDER_STATUSES },
      },
      cursor: CURSOR,
    },
    answers: {
      200: {
        description: 'A page of combinations, in order.',
        schema: renderListSchema,
        example: RENDERS_PAGE,
      },
    },
    codes: [],
    answer: ({ path, query, base }, deps) => listRenders(path['task_id'] as string, base, query, deps),
  },
];
