import { answerMcp, type McpDeps } from '../mcp.ts';
import { type Answer, BODY_CODES, type Route } from '../route.ts';

const RPC_ERROR: Answer = {
  description: 'The message is not as the protocol says.',
  schema: { type: 'object', description: 'A JSON-RPC 2.0 error.' },
};

export const MCP: readonly Route<McpDeps>[] = [
  {
    name: 'mcp',
    method: 'POST',
    path: '/mcp',
    tag: 'Service',
    summary: 'A message of the Model Context Protocol',
    description:
      'For assistants: tools that plan, submit, watch, list and cancel tasks. One message at a time. Only where the setting ' +
      'MCP is true.',
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
        headers: {
          'Cache-Control': { description: 'no-cache, for a stream.', schema: { type: 'string' } },
          'X-Accel-Buffering': { description: 'no, for a stream.', schema: { type: 'string' } },
        },
      },
      202: { description: 'The message was taken note of.' },
      400: RPC_ERROR,
      404: { ...RPC_ERROR, description: 'The method is unknown.' },
      406: { ...RPC_ERROR, description: 'Accept lacks application/json or text/event-stream.' },
      415: RPC_ERROR,
      500: { ...RPC_ERROR, description: 'The service failed.' },
    },
    codes: BODY_CODES,
    answer: ({ request }, deps) => answerMcp(request, deps),
  },
];
