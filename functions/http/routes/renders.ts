import { RENDER_STATUSES, renderListSchema, renderSchema } from '../../model/answers/render.ts';
import type { AccessDeps } from '../access.ts';
import { RENDERS_PAGE } from '../examples.ts';
import { CURSOR, ETAG, IF_NONE_MATCH, LIMIT, type Parameter, type Route, TASK_ID } from '../route.ts';
import { listRenders } from '../task-status.ts';
import { getRender, getVideo, type RenderPath, type VideoDeps } from '../video.ts';
import { orByAccess } from './access.ts';

const INDEX: Parameter = {
  description: 'Number of the combination, from 1.',
  schema: { type: 'integer', minimum: 1 },
};

const versionHeaders: Record<string, Parameter> = {
  ETag: { description: 'Of exactly these bytes.', schema: { type: 'string' } },
  'Last-Modified': { description: 'When the video was saved.', schema: { type: 'string' } },
  'Accept-Ranges': { description: 'Ranges of bytes can be asked for.', schema: { const: 'bytes' } },
};
const fileHeaders: Record<string, Parameter> = {
  ...versionHeaders,
  'Content-Length': { description: 'Bytes of this answer.', schema: { type: 'integer' } },
  'Content-Disposition': {
    description: 'The name of the file, to be shown in the browser.',
    schema: { type: 'string' },
  },
};

export const RENDERS: readonly Route<VideoDeps & AccessDeps>[] = [
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
    headers: { 'If-None-Match': IF_NONE_MATCH },
    answers: {
      200: {
        description: 'A page of combinations, in order.',
        schema: renderListSchema,
        headers: { ETag: ETAG },
        example: RENDERS_PAGE,
      },
      304: { description: 'Nothing has changed since the answer with that ETag.', headers: { ETag: ETAG } },
    },
    codes: [],
    answer: ({ request, path, query, base }, deps) =>
      listRenders(request, path['task_id'] as string, base, query, deps),
  },
  {
    name: 'render',
    method: 'GET',
    path: '/tasks/{task_id}/renders/{index}',
    tag: 'Videos',
    summary: 'See one video of a task',
    parameters: { task_id: TASK_ID, index: INDEX },
    answers: { 200: { description: 'The combination and what became of it.', schema: renderSchema } },
    codes: [],
    answer: ({ path, base }, deps) => getRender(renderPath(path), base, deps),
  },
  orByAccess({
    name: 'video',
    method: 'GET',
    path: '/tasks/{task_id}/renders/{index}/video',
    tag: 'Videos',
    summary: 'Get a finished video',
    description:
      'From one machine the file itself, also in parts. If videos go to Cloud Storage or Google Drive, a redirect.',
    parameters: { task_id: TASK_ID, index: INDEX },
    headers: {
      Range: { description: 'One range of bytes.', schema: { type: 'string', examples: ['bytes=0-1023'] } },
      'If-Range': {
        description:
          'ETag or Last-Modified of an earlier answer: the range only if nothing has changed since.',
        schema: { type: 'string' },
      },
      'If-None-Match': { description: 'ETag of an earlier answer.', schema: { type: 'string' } },
      'If-Modified-Since': { description: 'Last-Modified of an earlier answer.', schema: { type: 'string' } },
    },
    answers: {
      200: { description: 'The whole file.', media: ['video/mp4'], headers: fileHeaders },
      206: {
        description: 'The part that was asked for.',
        media: ['video/mp4'],
        headers: {
          ...fileHeaders,
          'Content-Range': { description: 'Which part of how many bytes.', schema: { type: 'string' } },
        },
      },
      302: {
        description: 'The video is elsewhere: a signed URL of Cloud Storage, or its page on Google Drive.',
        headers: {
          Location: {
            description: 'Where. A signed URL works for 15 minutes, for whoever has it.',
            schema: { type: 'string', format: 'uri' },
          },
        },
      },
      304: {
        description: 'The caller has this version.',
        headers: versionHeaders,
      },
    },
    codes: ['not_finished', 'not_made', 'video_gone', 'range_not_satisfiable', 'output_unreadable'],
    answer: ({ request, path }, deps) => getVideo(request, renderPath(path), deps),
  }),
];

function renderPath(path: Readonly<Record<string, string>>): RenderPath {
  return { taskId: path['task_id'] as string, index: path['index'] as string };
}
