/**
 * Headers on answers that are not ours to give, too: those of functions-framework, of the router below it, and of Node
 * itself (no Host header, too many requests on a connection).
 *
 * Node tells of each request before its server does: https://nodejs.org/api/diagnostics_channel.html#http
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';

interface Started {
  request: IncomingMessage;
  response: ServerResponse;
  server: Server;
}

const STARTED = 'http.server.request.start';

/** On every answer of that server, or of all in this process; what an answer says itself comes before it. Until it is disposed of. */
export function onEveryAnswer(headers: Readonly<Record<string, string>>, of?: Server): Disposable {
  const set = (message: unknown) => {
    const { response, server } = message as Started;
    if (of !== undefined && server !== of) return;
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  };
  subscribe(STARTED, set);
  return { [Symbol.dispose]: () => void unsubscribe(STARTED, set) };
}

/**
 * The framework's router decodes paths, and answers one that cannot be decoded by itself: as HTML, with a stack. Written so
 * that it can be decoded, it comes to us, who know no such path.
 */
export function leavePathsUndecoded(): void {
  subscribe(STARTED, (message) => {
    const { request } = message as Started;
    const [path = '', ...query] = (request.url ?? '').split('?');
    if (isDecodable(path)) return;
    request.url = [path.replaceAll('%', '%25'), ...query].join('?');
  });
}

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
