/** The port of the single-machine host: Node's own server, with an end to everything that a caller could draw out. */
import {
  createServer,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { securityHeaders } from '../http/security-headers.ts';
import { onEveryAnswer } from './answer-headers.ts';

export interface ServerLimits {
  /** From the first byte of a request, or from the connection, to the end of its headers. */
  headersMs: number;
  /** To the end of its body: longer than our own limit of a body, whose answer says more. */
  requestMs: number;
  /** How often both are looked at. */
  lookEveryMs: number;
  /** More than that at a time are closed at once. */
  connections: number;
}

const LIMITS: ServerLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  lookEveryMs: 5_000,
  connections: 1_000,
};

/** What Node's parser calls the errors that have a status of their own. https://nodejs.org/api/http.html#event-clienterror */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Callers come in the clear here: TLS, where there is any, is that of a proxy before it. */
const HEADERS = securityHeaders({ tls: false });

/** A server that does not listen yet. Whatever it answers, also by itself, has our headers. */
export function createLocalServer(listener: RequestListener, limits: Partial<ServerLimits> = {}): Server {
  const { headersMs, requestMs, lookEveryMs, connections } = { ...LIMITS, ...limits };
  const server = createServer({
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: lookEveryMs,
  });
  server.maxConnections = connections;
  const underWay = new WeakMap<Duplex, ServerResponse>();
  server.on('request', (request, response) => {
    underWay.set(request.socket, response);
    response.once('close', () => underWay.delete(request.socket));
    listener(request, response);
  });
  // Node would answer 417 by itself. An expectation may as well be passed over: RFC 9110, section 10.1.1.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    // Into an answer that has begun nothing may be written.
    if (socket.writable && underWay.get(socket)?.headersSent !== true) {
      socket.write(answerInWords(STATUS_OF[error.code ?? ''] ?? 400));
    }
    socket.destroy();
  });
  const everywhere = onEveryAnswer(HEADERS, server);
  server.once('close', () => everywhere[Symbol.dispose]());
  return server;
}

/** There is no request that it could be the answer of. A problem without a code is what its status says: RFC 9457, section 4.2.1. */
function answerInWords(status: number): string {
  const title = STATUS_CODES[status];
  const body = JSON.stringify({ type: 'about:blank', title, status });
  const headers = {
    ...HEADERS,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`;
}

/** Resolves with the server's address when it listens. Rejects where it cannot, saying which setting to mend. */
export function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const told =
      cause.code === 'EADDRINUSE'
        ? `Expected port ${port} to be free, got one in use. Stop what uses it, or set PORT (0 takes any free one).`
        : `Expected HOST ${host} and PORT ${port} to be an address of this machine, got ${cause.code}. Mend HOST or PORT.`;
    reject(new Error(told, { cause }));
  });
  server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
    const { address, family, port: own } = server.address() as AddressInfo;
    resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${own}`);
  });
  return promise;
}

/** Closes the port and all its connections. */
export async function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}
