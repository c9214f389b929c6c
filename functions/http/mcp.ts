/**
 * The service as tools of the Model Context Protocol, for assistants. Each tool is one address of the HTTP interface, with the
 * same checks, texts and schemas. https://modelcontextprotocol.io/specification
 */
import type {
  CallToolResult,
  jsonSchemaValidator,
  McpHttpHandler,
  McpServer,
} from '@modelcontextprotocol/server';
import { VERSION } from '../base/version.ts';
import { planSchema, RENDER_STATUSES, renderListSchema } from '../model/answers/render.ts';
import { acceptedSchema, statusSchema, taskListSchema } from '../model/answers/task.ts';
import { MAX_NAME, requestSchema } from '../model/request-schema.ts';
import { TASK_STATUSES } from '../model/task.ts';
import { asProblem } from './as-problem.ts';
import { type CancelDeps, cancelTask } from './cancel.ts';
import { readJson } from './json-body.ts';
import { described } from './openapi/schemas.ts';
import { type ProcessMediaDeps, processMedia } from './process-media.ts';
import { LIMIT } from './route.ts';
import { listTasks } from './task-list.ts';
import { listRenders, statusView } from './task-status.ts';

export interface McpDeps extends ProcessMediaDeps, CancelDeps {
  /** MCP: whether there is a server at /mcp. */
  mcp?: boolean;
}

type Arguments = Record<string, unknown>;
type Schema = Readonly<Record<string, unknown>>;

interface Tool {
  name: string;
  title: string;
  description: string;
  input: Schema;
  output: Schema;
  annotations: { readOnlyHint?: boolean; destructiveHint?: boolean; idempotentHint?: boolean };
  call: (given: Arguments, base: string, deps: McpDeps) => Promise<Response>;
}

const { dry_run: _, ...fields } = requestSchema.properties;
const taskId = { type: 'string', description: 'The task_id of the answer to submit.' };
const cursor = {
  type: 'string',
  description: 'The next_cursor of the answer before; left out: the first page.',
};
const objectOf = (properties: Schema, required: readonly string[]) => ({
  type: 'object',
  additionalProperties: false,
  properties,
  required,
});

const TOOLS: readonly Tool[] = [
  {
    name: 'plan',
    title: 'Plan a task',
    description:
      'Lists every combination of the clips, with its music and line, and makes nothing. To get exactly this plan, submit the ' +
      'same request with the seed of the answer. For a further page, send the request again with that seed and the cursor.',
    input: objectOf({ ...fields, cursor }, requestSchema.required),
    output: planSchema,
    annotations: { readOnlyHint: true },
    call: ({ cursor: at, ...body }, base, deps) =>
      post(base, { ...body, dry_run: true }, deps, typeof at === 'string' ? { cursor: at } : {}),
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
          description:
            'A UUID. Repeating the request with the same key within 24 hours starts nothing twice.',
        },
      },
      requestSchema.required,
    ),
    output: acceptedSchema,
    annotations: { readOnlyHint: false, destructiveHint: false },
    call: ({ idempotency_key: key, ...body }, base, deps) =>
      post(base, body, deps, {}, typeof key === 'string' ? { 'idempotency-key': key } : {}),
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
    input: objectOf(
      { task_id: taskId, status: { type: 'string', enum: RENDER_STATUSES }, limit: LIMIT.schema, cursor },
      ['task_id'],
    ),
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
        status: { type: 'string', enum: TASK_STATUSES, description: 'Only tasks with this status.' },
        name: { type: 'string', maxLength: MAX_NAME, description: 'Only tasks with exactly this task_name.' },
        limit: LIMIT.schema,
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

const handlers = new WeakMap<McpDeps, Promise<McpHttpHandler>>();

/** POST /mcp: one message of an assistant, answered by a server that keeps nothing between two of them. */
export async function answerMcp(request: Request, deps: McpDeps): Promise<Response> {
  const parsedBody = await readJson(request);
  const handler = handlers.get(deps) ?? createHandler(deps);
  handlers.set(deps, handler);
  return (await handler).fetch(request, { parsedBody });
}

/** The SDK loads at the first message: most services never get one. */
async function createHandler(deps: McpDeps): Promise<McpHttpHandler> {
  const sdk = await import('@modelcontextprotocol/server');
  const serverFor = (base: string): McpServer => {
    const server = new sdk.McpServer(
      { name: 'every-cut', version: VERSION },
      {
        instructions:
          'Makes every combination of video clips as a finished ad. Plan first, then submit, then watch status.',
      },
    );
    for (const { name, input, output, call, ...about } of TOOLS) {
      server.registerTool(
        name,
        {
          ...about,
          // The handlers check what arrives: their messages say what to do.
          inputSchema: sdk.fromJsonSchema<Arguments>(described(input), UNCHECKED),
          outputSchema: sdk.fromJsonSchema(described(output), UNCHECKED),
        },
        async (given) =>
          resultOf(await call(given, base, deps).catch((error: unknown) => asProblem(error, deps.log))),
      );
    }
    return server;
  };
  return sdk.createMcpHandler(({ requestInfo }) => serverFor(deps.baseUrl(requestInfo as Request)), {
    // Nothing that clients could subscribe to ever changes.
    maxSubscriptions: 0,
  });
}

/** Accepts whatever arrives. */
const UNCHECKED: jsonSchemaValidator = {
  getValidator: <T>() => {
    return (value: unknown) => ({ valid: true, data: value as T & {}, errorMessage: undefined });
  },
};

/** What the tool answers: the body of the answer over HTTP, or its problem in words. */
async function resultOf(response: Response): Promise<CallToolResult> {
  const text = await response.text();
  const structuredContent = JSON.parse(text) as Arguments;
  return response.ok
    ? { content: [{ type: 'text', text }], structuredContent }
    : { content: [{ type: 'text', text }], isError: true };
}

function post(
  base: string,
  body: Arguments,
  deps: McpDeps,
  query: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const request = new Request(`${base}/process_media`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  return processMedia(request, new URLSearchParams(query), deps);
}

/** Parameters that were left out are not sent. */
function queryOf(given: Arguments): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) if (value != null) query.set(name, String(value));
  return query;
}
