import { manifestSchema } from '../../model/answers/manifest.ts';
import type { AccessDeps } from '../access.ts';
import { getManifest, getZip } from '../manifest.ts';
import { type Parameter, type Route, TASK_ID } from '../route.ts';
import type { VideoDeps } from '../video.ts';
import { orByAccess } from './access.ts';

const parameters = { task_id: TASK_ID };
const headers: Record<string, Parameter> = {
  'Content-Disposition': { description: 'The name of the file.', schema: { type: 'string' } },
};

export const MANIFEST: readonly Route<VideoDeps & AccessDeps>[] = [
  orByAccess({
    name: 'manifest-json',
    method: 'GET',
    path: '/tasks/{task_id}/manifest.json',
    tag: 'Videos',
    summary: 'The manifest of an ended task, as JSON',
    description: 'What became of each combination, as in the file beside the videos.',
    parameters,
    answers: { 200: { description: 'The manifest.', schema: manifestSchema, headers } },
    codes: ['task_running'],
    answer: ({ path }, deps) => getManifest(path['task_id'] as string, 'json', deps),
  }),
  orByAccess({
    name: 'manifest-csv',
    method: 'GET',
    path: '/tasks/{task_id}/manifest.csv',
    tag: 'Videos',
    summary: 'The manifest of an ended task, for spreadsheets',
    parameters,
    answers: { 200: { description: 'One row per combination.', media: ['text/csv'], headers } },
    codes: ['task_running'],
    answer: ({ path }, deps) => getManifest(path['task_id'] as string, 'csv', deps),
  }),
  orByAccess({
    name: 'manifest-zip',
    method: 'GET',
    path: '/tasks/{task_id}/manifest.zip',
    tag: 'Videos',
    summary: 'The finished videos of an ended task and its manifest, as one zip file',
    description:
      'Streamed and uncompressed, with the names of the output folder. Without finished videos, it has the manifest alone.',
    parameters,
    query: {
      renders: {
        description: 'Only the videos with these indexes, at most 1,000; left out: all.',
        schema: { type: 'string', pattern: '^[1-9]\\d{0,6}(,[1-9]\\d{0,6}){0,999}$', examples: ['1,4,7'] },
      },
    },
    answers: {
      200: {
        description: 'The zip file. If a video cannot be read after all, the connection breaks off.',
        media: ['application/zip'],
        headers: {
          ...headers,
          'Content-Length': { description: 'Its size, known from the start.', schema: { type: 'integer' } },
        },
      },
    },
    codes: ['task_running', 'not_made', 'video_gone', 'output_unreadable'],
    answer: ({ request, path, query }, deps) =>
      getZip(request, path['task_id'] as string, query.get('renders'), deps),
  }),
];
