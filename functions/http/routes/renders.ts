import { RENDER_STATUSES, renderListSchema } from '../../model/answers/render.ts';
import { CURSOR, LIMIT, type Route, TASK_ID } from '../route.ts';
import { listRenders, type TasksDeps } from '../task-status.ts';

export const RENDERS: readonly Route<TasksDeps>[] = [
  {
    name: 'renders',
    method: 'GET',
    path: '/tasks/{task_id}/renders',
    tag: 'Videos',
    summary: 'List the videos of a task',
    description:
      'In the order of their indexes. One answer looks at up to 1,000 combinations, so with status a page may be short, ' +
      'or empty, although next_cursor leads on.',
    parameters: { task_id: TASK_ID },
    query: {
      status: {
        description: 'Only videos with this status; left out: all.',
        schema: { type: 'string', enum: RENDER_STATUSES },
      },
      limit: LIMIT,
      cursor: CURSOR,
    },
    answers: { 200: { description: 'A page of combinations, in order.', schema: renderListSchema } },
    codes: [],
    answer: ({ path, query, base }, deps) => listRenders(path['task_id'] as string, base, query, deps),
  },
];
