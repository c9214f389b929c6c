/**
 * Sets headers on every answer, including those of functions-framework, of its router and of Node itself.
 *
 * Node publishes each request on a diagnostics channel before the server handles it:
 * https://nodejs.org/api/diagnostics_channel.html#http
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { duringRequest, requestIdFrom } from '../base/request-id.ts';

interface Started {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

const STARTED = 'http.server.request.start';

const REQUEST_ID = 'x-request-id';

/**
 * Sets headers, and X-Request-Id, on all answers of one server, or of all servers in this process, until disposed. Headers
 * that an answer sets itself take precedence.
 */
export function onEveryAnswer(headers: Readonly<Record<string, string>>, of?: Server): Disposable {
  const set = (message: unknown) => {
    const { request, response, server } = message as Started;
    if (of !== undefined && server !== of) return;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader(REQUEST_ID, requestIdFrom(request.headers[REQUEST_ID]));
  };
  subscribe(STARTED, set);
  return { [Symbol.dispose]: () => void unsubscribe(STARTED, set) };
}

/** For an answer that is written in place of this one, or to a request that could not be read. */
export function requestIdHeader(response: ServerResponse | undefined): Record<string, string> {
  return { [REQUEST_ID]: requestIdFrom(response?.getHeader(REQUEST_ID)) };
}

/** Handles the request so that all log lines on the way have the id that its answer has. */
export function inRequestOf<T>(response: ServerResponse, handle: () => T): T {
  return duringRequest(requestIdFrom(response.getHeader(REQUEST_ID)), handle);
}

/**
 * The framework's router decodes paths, and answers a path that it cannot decode with HTML and a stack trace. Escaping
 * such a path makes it decodable, so it reaches our router, which answers 404.
 */
export function leavePathsUndecoded(): void {
  subscribe(STARTED, (message) => {
    const { request } = message as Started;
    request.url = decodable(request.url ?? '');
  });
}

/** The request target, its path escaped once more if it cannot be decoded. */
export function decodable(target: string): string {
  const [path = ''] = target.split('?', 1);
  return isDecodable(path) ? target : path.replaceAll('%', '%25') + target.slice(path.length);
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
