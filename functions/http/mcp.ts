/**
 * The service as tools of the Model Context Protocol, for assistants: messages in, answers of the SDK out.
 * https://modelcontextprotocol.io/specification
 */
import type {
  CallToolResult,
  jsonSchemaValidator,
  McpHttpHandler,
  McpServer,
} from '@modelcontextprotocol/server';
import { VERSION } from '../base/version.ts';
import { shown } from '../model/mistakes.ts';
import { invalidRequest } from '../model/validation.ts';
import { asProblem } from './as-problem.ts';
import { readJson } from './json-body.ts';
import { type Arguments, checkArguments, TOOLS, type Tool, type ToolDeps } from './mcp-tools.ts';
import { described } from './openapi/schemas.ts';

export interface McpDeps extends ToolDeps {
  /** MCP: whether there is a server at /mcp. */
  mcp?: boolean;
}

const handlers = new WeakMap<McpDeps, Promise<McpHttpHandler>>();

/** POST /mcp: one message of an assistant, answered by a server that keeps nothing between two of them. */
export async function answerMcp(request: Request, deps: McpDeps): Promise<Response> {
  const parsedBody = await readJson(request);
  checkMessage(parsedBody);
  const handler = handlers.get(deps) ?? createHandler(deps);
  handlers.set(deps, handler);
  return (await handler).fetch(request, { parsedBody });
}

/** The SDK would answer a list of messages, too: any number of calls, which would count as one request. */
function checkMessage(body: unknown): void {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return;
  const message = `Expected one JSON-RPC message, got ${shown(body)}. Send each message by itself, as an object.`;
  throw invalidRequest([{ pointer: '', code: 'invalid', message }]);
}

/** The SDK loads at the first message: most services never get one. */
async function createHandler(deps: McpDeps): Promise<McpHttpHandler> {
  const sdk = await import('@modelcontextprotocol/server');
  const serverFor = (base: string): McpServer => {
    const server = new sdk.McpServer(
      { name: 'every-cut', version: VERSION },
      {
        // The tools are always the same.
        capabilities: { tools: { listChanged: false } },
        instructions:
          'Makes every combination of video clips as a finished ad. Plan first, then submit, then watch status.',
      },
    );
    for (const tool of TOOLS) {
      const { name, title, description, annotations, input, output } = tool;
      server.registerTool(
        name,
        {
          title,
          description,
          annotations,
          // What arrives is checked by us: our messages say what to do.
          inputSchema: sdk.fromJsonSchema<Arguments>(described(input), UNCHECKED),
          outputSchema: sdk.fromJsonSchema(described(output), UNCHECKED),
        },
        async (given) =>
          resultOf(
            await answerCall(tool, given ?? {}, base, deps).catch((error: unknown) =>
              asProblem(error, deps.log),
            ),
          ),
      );
    }
    return server;
  };
  return sdk.createMcpHandler(({ requestInfo }) => serverFor(deps.baseUrl(requestInfo as Request)), {
    // Nothing that clients could subscribe to ever changes.
    maxSubscriptions: 0,
  });
}

async function answerCall(tool: Tool, given: Arguments, base: string, deps: McpDeps): Promise<Response> {
  checkArguments(tool, given, deps);
  return await tool.call(given, base, deps);
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
