/**
 * functions-framework reads and parses every body before a function sees the request, up to 1 GB of it, and answers what
 * it cannot parse by itself: as HTML, with a stack. Its parsers go by two headers. Without those they leave the body in
 * the stream, where the function reads it, by its own limit, and answers in its own words.
 *
 * Node tells of each request before its server does: https://nodejs.org/api/diagnostics_channel.html#http
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
