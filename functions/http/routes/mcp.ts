import { answerMcp, type McpDeps } from '../mcp.ts';
import { BODY_CODES, type Route } from '../route.ts';

export const MCP: readonly Route<McpDeps>[] = [
  {
    name: 'mcp',
    method: 'POST',
    path: '/mcp',
    tag: 'Service',
    summary: 'A message of the Model Context Protocol',
    description:
      'For assistants: tools that plan, submit, watch, list and cancel tasks. Only where the setting MCP is true.',
    isOffered: ({ mcp }) => mcp === true,
    headers: {
      Accept: {
        description: 'As the protocol says: application/json and text/event-stream.',
        schema: { type: 'string' },
      },
    },
    body: { schema: { type: 'object', description: 'JSON-RPC 2.0.' } },
    answers: {
      200: {
        description: 'The answer to the message.',
        schema: { type: 'object', description: 'JSON-RPC 2.0.' },
        media: ['text/event-stream'],
      },
      202: { description: 'The message was taken note of.' },
    },
    codes: BODY_CODES,
    answer: ({ request }, deps) => answerMcp(request, deps),
  },
];
