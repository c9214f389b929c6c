/** The tools of the MCP server: each is one address of the HTTP interface, with the same checks, texts and schemas. */
import type { ValidateFunction } from 'ajv';
import type { Mistake } from '../base/errors.ts';
import { planSchema, RENDER_STATUSES, renderListSchema } from '../model/answers/render.ts';
import { acceptedSchema, statusSchema, taskListSchema } from '../model/answers/task.ts';
import { MAX_NAME } from '../model/fields/sources.ts';
import { mistakesOf } from '../model/mistakes.ts';
import { requestSchema } from '../model/request-schema.ts';
import { sizeMistake } from '../model/request-size.ts';
import { semanticMistakes } from '../model/semantic-checks.ts';
import { TASK_STATUSES } from '../model/task.ts';
import { ajv, invalidRequest } from '../model/validation.ts';
import { type CancelDeps, cancelTask } from './cancel.ts';
import { type ProcessMediaDeps, processMedia } from './process-media.ts';
import { LIMIT } from './route.ts';
import { listTasks } from './task-list.ts';
import { listRenders, statusView } from './task-status.ts';

export type ToolDeps = ProcessMediaDeps & CancelDeps;
export type Arguments = Record<string, unknown>;
type Schema = Readonly<Record<string, unknown>>;

export interface Tool {
  name: string;
  title: string;
  description: string;
  input: Schema;
  output: Schema;
  annotations: { readOnlyHint?: boolean; destructiveHint?: boolean; idempotentHint?: boolean };
  /** Mistakes that the schema of the arguments cannot tell. */
  more?: (given: Arguments, deps: ToolDeps) => Mistake[];
  /** Expects arguments as `input` describes them. */
  call: (given: Arguments, base: string, deps: ToolDeps) => Promise<Response>;
}

// Without the alias: an assistant reads the whole list, and knows nothing but what it says.
const { dry_run: _, text_to_speach: __, ...fields } = requestSchema.properties;
const taskId = {
  type: 'string',
  expected: 'the task_id of the answer to submit',
  hint: 'The tool list names the tasks.',
};
const cursor = {
  type: ['string', 'null'],
  expected: 'the next_cursor of the answer before',
  hint: 'Leave it out for the first page.',
};
const limit = { ...LIMIT.schema, expected: 'a whole number from 1 to 100', hint: 'Leave it out for 100.' };
const statusOf = (known: readonly string[]) => ({
  type: 'string',
  enum: known,
  expected: `one of ${known.join(', ')}`,
  hint: 'Leave it out for all.',
});
const objectOf = (properties: Schema, required: readonly string[]) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});
const ofRequest = (given: Arguments, { limits }: ToolDeps) => semanticMistakes(given, limits);

export const TOOLS: readonly Tool[] = [
  {
    name: 'plan',
    title: 'Plan a task',
    description:
      'Lists every combination of the clips, with its music and line, and makes nothing. To get exactly this plan, submit the ' +
      'same request with the seed of the answer. For a further page, send the request again with that seed and the cursor.',
    input: objectOf({ ...fields, cursor }, requestSchema.required),
    output: planSchema,
    annotations: { readOnlyHint: true },
    more: ofRequest,
    call: ({ cursor: at, ...body }, base, deps) =>
      post(base, { ...body, dry_run: true }, deps, queryOf({ cursor: at })),
  },
  {
    name: 'submit',
    title: 'Start a task',
    description:
      'Makes every combination of the clips as a finished video, with music and a spoken line. Answers at once: ask status ' +
      'until completed_at is set. Costs computing time, and money where a paid voice speaks: plan first, and show the count.',
    input: objectOf(
      {
        ...fields,
        idempotency_key: {
          type: 'string',
          pattern: '^[\\x21-\\x7e]{1,255}$',
          description: 'Repeating the request with the same key within 24 hours starts nothing twice.',
          expected: '1-255 visible ASCII characters',
          hint: 'A UUID is a good key.',
        },
      },
      requestSchema.required,
    ),
    output: acceptedSchema,
    annotations: { readOnlyHint: false, destructiveHint: false },
    more: ofRequest,
    call: ({ idempotency_key: key, ...body }, base, deps) =>
      post(
        base,
        body,
        deps,
        new URLSearchParams(),
        key === undefined ? {} : { 'idempotency-key': String(key) },
      ),
  },
  {
    name: 'status',
    title: 'See how a task is going',
    description: 'Counts, expected time to the end, what holds the task up, and where the videos are.',
    input: objectOf({ task_id: taskId }, ['task_id']),
    output: statusSchema,
    annotations: { readOnlyHint: true },
    call: async ({ task_id: id }, base, deps) => Response.json(await statusView(String(id), base, deps)),
  },
  {
    name: 'videos',
    title: 'List the videos of a task',
    description: 'Each combination with its clips, music and line, its file and address, or why it failed.',
    input: objectOf({ task_id: taskId, status: statusOf(RENDER_STATUSES), limit, cursor }, ['task_id']),
    output: renderListSchema,
    annotations: { readOnlyHint: true },
    call: ({ task_id: id, ...query }, base, deps) =>
      listRenders(new Request(base), String(id), base, queryOf(query), deps),
  },
  {
    name: 'list',
    title: 'List the tasks',
    description: 'Newest first, each with its counts.',
    input: objectOf(
      {
        status: statusOf(TASK_STATUSES),
        name: {
          type: 'string',
          maxLength: MAX_NAME,
          expected: `a task_name, which has at most ${MAX_NAME} characters`,
          hint: 'Leave it out for all.',
        },
        limit,
        cursor,
      },
      [],
    ),
    output: taskListSchema,
    annotations: { readOnlyHint: true },
    call: (query, base, deps) => listTasks(base, queryOf(query), deps),
  },
  {
    name: 'cancel',
    title: 'Cancel a task',
    description: 'Stops the task. Finished videos stay.',
    input: objectOf({ task_id: taskId }, ['task_id']),
    output: statusSchema,
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true },
    call: ({ task_id: id }, base, deps) => cancelTask(String(id), base, deps),
  },
];

const validators = new Map<Tool, ValidateFunction>();

/** Throws RequestError invalid_request naming every mistake: nothing that a caller sends is ignored. */
export function checkArguments(tool: Tool, given: Arguments, deps: ToolDeps): void {
  const size = sizeMistake(given);
  if (size !== undefined) throw invalidRequest([size]);
  const validate = validators.get(tool) ?? ajv.compile(tool.input);
  validators.set(tool, validate);
  if (!validate(given))
    throw invalidRequest([...mistakesOf(validate.errors ?? []), ...(tool.more?.(given, deps) ?? [])]);
}

function post(
  base: string,
  body: Arguments,
  deps: ToolDeps,
  query: URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Response> {
  const request = new Request(`${base}/process_media`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return processMedia(request, query, deps);
}

/** Parameters that were left out are not sent. */
function queryOf(given: Arguments): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value != null) query.set(name, String(value));
  return query;
}
