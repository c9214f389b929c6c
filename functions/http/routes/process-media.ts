import { planSchema } from '../../model/answers/render.ts';
import { acceptedSchema } from '../../model/answers/task.ts';
import { requestSchema } from '../../model/request-schema.ts';
import { PLAN, PLAN_REQUEST } from '../example-plan.ts';
import { ACCEPTED, TASK_REQUEST } from '../examples.ts';
import { type ProcessMediaDeps, processMedia } from '../process-media.ts';
import { BODY_CODES, CURSOR, LOCATION, POLL_AFTER, REPLAYED, type Route } from '../route.ts';

export const PROCESS_MEDIA: readonly Route<ProcessMediaDeps>[] = [
  {
    name: 'process-media',
    method: 'POST',
    path: '/process_media',
    aliases: ['/'],
    tag: 'Tasks',
    summary: 'Start a task',
    description:
      'Makes every combination of the clips as a finished video. With dry_run, answers with the plan.',
    query: { cursor: { ...CURSOR, description: 'Of a dry run: the next_cursor of its earlier answer.' } },
    headers: {
      'Idempotency-Key': {
        description: 'For 24 hours, the same key with the same request gets the first answer again.',
        schema: { type: 'string', minLength: 1, maxLength: 255 },
      },
    },
    body: {
      schema: requestSchema,
      examples: { 'A task': TASK_REQUEST, 'A dry run with every choice': PLAN_REQUEST },
    },
    answers: {
      200: { description: 'The plan of a dry run.', schema: planSchema, example: PLAN },
      202: {
        description: 'The task was accepted.',
        schema: acceptedSchema,
        headers: { Location: LOCATION, 'Retry-After': POLL_AFTER, 'Idempotency-Replayed': REPLAYED },
        example: ACCEPTED,
      },
    },
    codes: [...BODY_CODES, 'key_reused', 'output_folder'],
    answer: ({ request, query }, deps) => processMedia(request, query, deps),
  },
];
