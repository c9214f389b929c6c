/** HTTP server of the single-machine host: Node's own, with limits against slow and greedy clients. */
import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import { securityHeaders } from '../http/security-headers.ts';
import { inRequestOf, onEveryAnswer, requestIdHeader } from './answer-headers.ts';
import { type ConnectionLimits, shareConnections } from './connections.ts';

export interface ServerLimits extends ConnectionLimits {
  /** From the connection, or the first byte of a later request, to the end of the headers. */
  headersMs: number;
  /** How often that is checked. */
  lookEveryMs: number;
}

const LIMITS: ServerLimits = {
  headersMs: 10_000,
  lookEveryMs: 5_000,
  requestMs: 30_000,
  isUpload: ({ method, url = '' }) => method === 'PUT' && url.startsWith('/uploads/'),
  connections: 1_000,
  connectionsPerClient: 100,
  connectionsNotLocal: 100,
  // Linux says that something was read in steps of up to 7 MB: to steady clients at 100, 50, 20, 10 and 5 KB/s, nothing seemed to
  // go for up to 66, 96, 101, 201 and 302 s. So this is 8 KB/s with every step, and less with the steps of slow clients.
  unreadMs: 900_000,
  answerMs: 900_000,
  unreadBytes: 64 * 2 ** 20,
  unreadEveryMs: 1_000,
};

/** The statuses with which Node answers its parser's errors. https://nodejs.org/api/http.html#event-clienterror */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Clients connect over plain HTTP. A proxy in front of this server may add TLS. */
const HEADERS = securityHeaders({ tls: false });

/** A server that does not listen yet. All its answers have our headers, including those that Node writes itself. */
export function createLocalServer(
  listener: RequestListener,
  limits: Partial<ServerLimits> = {},
  log?: Pick<Log, 'info'>,
): Server {
  const { headersMs, lookEveryMs, ...sharing } = { ...LIMITS, ...limits };
  const server = createServer({
    headersTimeout: headersMs,
    // Node's limit would be the same for all requests.
    requestTimeout: 0,
    connectionsCheckingInterval: lookEveryMs,
  });
  const connections = shareConnections(server, sharing, (socket) => refuse(socket, 408), log);
  server.on('request', (request, response) => {
    connections.begin(request, response, () => inRequestOf(response, () => listener(request, response)));
  });
  // Node would answer 417. Unknown expectations may be ignored: RFC 9110, section 10.1.1.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  const refuse = (socket: Duplex, status: number) => {
    // An answer that has begun must not be written into.
    const answer = connections.answerOn(socket);
    if (socket.writable && answer?.headersSent !== true) {
      socket.write(answerInWords(status, requestIdHeader(answer)));
    }
    socket.destroy();
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    refuse(socket, STATUS_OF[error.code ?? ''] ?? 400),
  );
  const everywhere = onEveryAnswer(HEADERS, server);
  server.once('close', () => everywhere[Symbol.dispose]());
  return server;
}

/**
 * An answer as raw text, because without a parsed request there is no response object. Type about:blank means what the
 * status says: RFC 9457, section 4.2.1.
 */
function answerInWords(status: number, more: Readonly<Record<string, string>>): string {
  const title = STATUS_CODES[status];
  const body = JSON.stringify({ type: 'about:blank', title, status });
  const headers = {
    ...HEADERS,
    ...more,
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`;
}

/** Resolves with the server's address once it listens. Rejects with an Error that says which setting to change. */
export function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const told =
      cause.code === 'EADDRINUSE'
        ? `Expected port ${port} to be free, got one in use. Stop what uses it, or set PORT (0 takes any free one).`
        : `Expected HOST ${host} and PORT ${port} to be an address of this machine, got ${cause.code}. Change HOST or PORT.`;
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
