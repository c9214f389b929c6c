import { RENDER_STATUSES, renderListSchema } from '../../model/answers/render.ts';
import { CURSOR, ETAG, IF_NONE_MATCH, type Route, TASK_ID } from '../route.ts';
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
    headers: { 'If-None-Match': IF_NONE_MATCH },
    answers: {
      200: {
        description: 'A page of combinations, in order.',
        schema: renderListSchema,
        headers: { ETag: ETAG },
      },
      304: { description: 'Nothing has changed since the answer with that ETag.', headers: { ETag: ETAG } },
    },
    codes: [],
    answer: ({ request, path, query, base }, deps) =>
      listRenders(request, path['task_id'] as string, base, query, deps),
  },
];
