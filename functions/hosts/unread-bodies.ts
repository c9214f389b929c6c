/**
 * Stops functions-framework from reading request bodies, so that functions read them with their own limits.
 *
 * The framework reads up to 1 GB of body before a function sees the request, and answers what it cannot parse with HTML
 * and a stack trace. Its parsers look for a body by two headers. Without these headers the body stays in the stream.
 *
 * Node publishes each request on a diagnostics channel before the server handles it:
 * https://nodejs.org/api/diagnostics_channel.html#http
 */
import { subscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';

export function leaveBodiesUnread(): void {
  subscribe('http.server.request.start', (started) => {
    const { headers } = (started as { request: IncomingMessage }).request;
    delete headers['content-length'];
    delete headers['transfer-encoding'];
  });
}
