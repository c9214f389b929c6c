/** What the description says besides the addresses. */
import type { Described } from '../route.ts';

export const INTRODUCTION = `Post hooks, bodies and calls to action, and get every combination as a finished video, each with music and a spoken line.

1. \`POST /process_media\` with the addresses of your clips. The answer has the \`task_id\`; with \`dry_run\`, it is the plan.
2. \`GET /tasks/{task_id}\` until \`completed_at\` is set.
3. \`GET /tasks/{task_id}/renders\` lists the videos.

If the service has an API key, send it as \`X-API-Key\` or as \`Authorization: Bearer\`. Whatever answers GET answers HEAD, too. Errors are \`application/problem+json\` (RFC 9457) with a stable \`code\` and a \`hint\`.`;

export const TAGS: readonly { name: Described['tag']; description: string }[] = [
  { name: 'Tasks', description: 'A task makes every combination of its clips.' },
  { name: 'Videos', description: 'The combinations of a task, and what became of them.' },
  { name: 'Uploads', description: 'Files that have no address of their own.' },
  { name: 'Voices', description: 'Who may speak the lines.' },
  { name: 'Service', description: 'The service itself.' },
];

/** One of the two is enough. */
export const SECURITY_SCHEMES = {
  ApiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
    description: 'The API_KEY of the service. Leave it out if the service has none.',
  },
  Bearer: { type: 'http', scheme: 'bearer', description: 'The same key.' },
};

export const SECURITY = Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] }));

/** Headers of https://www.standardwebhooks.com */
const EVENT_HEADERS = {
  'webhook-id': 'The same at every delivery of the event.',
  'webhook-timestamp': 'When this delivery was sent, in seconds since 1970.',
  'webhook-signature': 'Signatures of id, timestamp and body, as Standard Webhooks defines them.',
};

export function webhooksOf(event: object): object {
  return {
    'task-ended': {
      post: {
        operationId: 'task-ended',
        tags: ['Tasks'],
        summary: 'Sent to callback_url when a task has ended',
        security: [],
        parameters: Object.entries(EVENT_HEADERS).map(([name, description]) => ({
          name,
          in: 'header',
          required: true,
          description,
          schema: { type: 'string' },
        })),
        requestBody: { required: true, content: { 'application/json': { schema: event } } },
        responses: {
          '2XX': { description: 'The event was received.' },
          410: { description: 'Send no more events of this task.' },
          default: { description: 'The event is sent again later.' },
        },
      },
    },
  };
}
