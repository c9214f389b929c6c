/** One request and its answer, on a connection of their own. */
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import type { buildConnector } from 'undici';
import { afterAwake } from '../../base/awake.ts';
import type { PermanentError } from '../../base/errors.ts';
import { timeLimit, unlessAborted } from '../../base/time-limit.ts';
import { maskUrl } from '../../model/web-url.ts';
import { type ConnectorBuilder, type GuardOptions, guardedConnector } from '../shared/address-guard.ts';
import { permanent, tooSlow } from '../shared/network-errors.ts';
import { brokenAnswer, MAX_HEADER_BYTES } from './broken-answer.ts';
import { boundWireBytes } from './wire-bytes.ts';

export interface ExchangeLimits {
  /** Milliseconds for DNS, TCP and TLS. */
  connectMs: number;
  /** Milliseconds from the request to the last header of the answer. */
  headersMs: number;
  /** Milliseconds between two pieces of the body. */
  idleMs: number;
}

export interface ExchangeOptions extends GuardOptions {
  maxBytes: number;
  limits: ExchangeLimits;
  /** Opens the sockets; undici's own by default. Tests use it to redirect public addresses to loopback. */
  buildConnector?: ConnectorBuilder;
}

export interface Answer {
  statusCode: number;
  headers: IncomingHttpHeaders;
  body: IncomingMessage;
  /** Bytes of the body that have arrived, also those that nobody had read when it broke off. */
  readonly received: number;
  /** Passes the body on, and ends it if a pause between two of its pieces is too long. */
  timed(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer>;
  /** Closes the connection. */
  close(): void;
}

export interface Exchange extends AsyncDisposable {
  /** Sends a GET. Rejects with a PermanentError, a TransientError, a network error or the signal's reason. */
  get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer>;
}

/** Interim answers (1xx): a server may send a few while it works. No other limit ends a flood of them soon. */
const MAX_INTERIM = 20;

export function createExchange(options: ExchangeOptions): Exchange {
  const { limits, maxBytes } = options;
  const open = new Set<Socket>();
  let connector: Promise<buildConnector.connector> | undefined;

  /** Loads undici at the first download: a process that only renders never needs it. */
  async function createConnector(): Promise<buildConnector.connector> {
    const { buildConnector } = await import('undici');
    const guard = { ...options, timeout: limits.connectMs };
    return guardedConnector(options.buildConnector ?? buildConnector, guard);
  }

  async function connect({ hostname, host, protocol, port }: URL, signal: AbortSignal): Promise<Socket> {
    connector ??= createConnector();
    const openSocket = await connector;
    const opening = new Promise<Socket>((resolve, reject) => {
      // Without the brackets that URLs put around IPv6 addresses.
      const target = { hostname: hostname.replace(/^\[(.*)\]$/, '$1'), host, protocol, port };
      openSocket(target, (...[error, socket]) => {
        if (error) return reject(error);
        // Whoever asked may have left meanwhile.
        if (signal.aborted) socket.destroy();
        resolve(socket);
      });
    });
    return await unlessAborted(signal, opening);
  }

  async function get(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
    const socket = await connect(url, signal);
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const where = maskUrl(url);
    const late = () => tooSlow(where, `no answer after ${limits.headersMs} ms`);
    using answering = timeLimit(limits.headersMs, late, signal);
    try {
      const message = await unlessAborted(answering.signal, send(socket, url, headers, maxBytes));
      return answerOf(message, socket, where, limits.idleMs);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  return {
    get,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * Reads as tolerantly as a browser does. The tolerance of the parser is dangerous where several requests share a
 * connection, because two readers may see its end in different places. Here each connection carries one.
 */
function send(
  socket: Socket,
  url: URL,
  headers: Record<string, string>,
  maxBytes: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let message: IncomingMessage | undefined;
    let interim = 0;
    const asked = request({
      createConnection: () => socket,
      path: url.pathname + url.search,
      headers: { host: url.host, connection: 'close', ...headers },
      insecureHTTPParser: true,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    const fail = (error: Error) => {
      reject(error);
      // What follows a complete body does not matter.
      if (message && !message.complete) message.destroy(error);
    };
    asked.on('socket', () => boundWireBytes(socket, url.hostname, maxBytes));
    asked.on('information', () => {
      interim += 1;
      if (interim > MAX_INTERIM) asked.destroy(tooManyInterim(url));
    });
    asked.on('upgrade', () => {
      fail(otherProtocol(url));
      socket.destroy();
    });
    asked.on('response', (response) => {
      message = response;
      // An error of a body that is not read must not end the process.
      response.on('error', () => {});
      resolve(response);
    });
    asked.on('error', (error) => fail(brokenAnswer(error, maskUrl(url))));
    asked.end();
  });
}

function answerOf(body: IncomingMessage, socket: Socket, where: string, idleMs: number): Answer {
  let read = 0;
  return {
    statusCode: body.statusCode ?? 0,
    headers: body.headers,
    body,
    get received() {
      return read + body.readableLength;
    },
    async *timed(chunks) {
      // Pauses of the reader do not count.
      let isWaiting = true;
      using timer = afterAwake(idleMs, () => {
        if (isWaiting) body.destroy(tooSlow(where, `no bytes for ${idleMs} ms`));
      });
      // For a reader that leaves and does not say so; a body may be closed before its last chunks are read.
      body.once('close', () => timer[Symbol.dispose]());
      for await (const chunk of chunks) {
        isWaiting = false;
        read += chunk.length;
        yield chunk;
        isWaiting = true;
        timer.restart();
      }
    },
    close: () => void socket.destroy(),
  };
}

function tooManyInterim(url: URL): PermanentError {
  return permanent(
    'source_refused',
    `Expected an answer from ${maskUrl(url)}, got more than ${MAX_INTERIM} interim answers (status 1xx)`,
    'have its server answer with the file',
  );
}

function otherProtocol(url: URL): PermanentError {
  return permanent(
    'source_refused',
    `Expected an answer from ${maskUrl(url)}, got status 101, which changes the protocol`,
    'have its server answer with the file',
  );
}
