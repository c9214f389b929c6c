/**
 * Shares the connections of a server among its clients. Where places run short, the connection that has waited longest for
 * its client makes room, so that clients who only hold connections keep nobody out. Ends answers that are not read.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../base/log.ts';
import { isLoopback } from '../config/loopback.ts';
import { clientAt } from '../http/client-address.ts';

export interface ConnectionLimits {
  /** Connections of all clients. */
  connections: number;
  /** Connections of one client, by its address. */
  connectionsPerClient: number;
  /** Places that clients on this machine leave free. All clients of a proxy on this machine have its address. */
  connectionsNotLocal: number;
  /** From the headers of a request to the end of its body. Longer than the limit in json-body.ts, whose answer says more. */
  requestMs: number;
  /** Whose handler watches over the body itself, until it answers. Lines are slow, and files are large. */
  isUpload: (request: IncomingMessage) => boolean;
  /** The longest time in which nothing of a waiting answer is sent on. Systems tell of what was read in steps of megabytes. */
  unreadMs: number;
  /** From the first byte of an answer that waits to be read until nothing of it waits. */
  answerMs: number;
  /** Bytes of all answers that wait to be read. */
  unreadBytes: number;
  /** How often all this is checked. */
  unreadEveryMs: number;
}

export interface Connections {
  /** Calls `handle` unless the request must not be handled: at once, or when the answer before it has ended. */
  begin(request: IncomingMessage, response: ServerResponse, handle: () => void): void;
  /** The answer to the request that is being handled. */
  answerOn(socket: Duplex): ServerResponse | undefined;
}

interface Connection {
  socket: Socket;
  client: string;
  request?: IncomingMessage | undefined;
  response?: ServerResponse | undefined;
  /** The request whose body may still be arriving, also after its answer, and since when. */
  arriving?: { request: IncomingMessage; since: number } | undefined;
  /** Since when bytes wait to be read; undefined: none do. */
  unreadSince?: number | undefined;
  /** Arrived with the last bytes of the answer before it. */
  next?: IncomingMessage | undefined;
  /** The connection ends with the current answer. */
  isLast?: boolean;
}

/**
 * @param endLate answers a request whose body takes too long, and closes its connection
 * @param log is told of answers that are cut off
 */
export function shareConnections(
  server: Server,
  limits: ConnectionLimits,
  endLate: (socket: Duplex) => void,
  log?: Pick<Log, 'info'>,
): Connections {
  /** The one that has waited longest for its client comes first. */
  const all = new Map<Duplex, Connection>();
  const close = (connection: Connection) => {
    all.delete(connection.socket);
    connection.socket.destroy();
  };
  const cutOff = (connection: Connection, why: string) => {
    const { client, request, socket } = connection;
    const [path] = (request?.url ?? '').split('?');
    log?.info(`An answer to ${client} was cut off: ${why}`, {
      event: 'answer.unread',
      path,
      unread_bytes: socket.writableLength,
    });
    close(connection);
  };
  const moveBack = (connection: Connection) => {
    if (all.delete(connection.socket)) all.set(connection.socket, connection);
  };

  // A second limit, for connections that are closed but not gone yet.
  server.maxConnections = 2 * limits.connections;
  server.on('connection', (socket: Socket) => {
    const connection: Connection = { socket, client: clientAt(socket.remoteAddress ?? '') };
    const crowd = crowdOf(connection, [...all.values()], limits);
    all.set(socket, connection);
    socket.once('close', () => all.delete(socket));
    socket.on('drain', () => {
      connection.unreadSince = undefined;
    });
    if (crowd !== undefined) close(crowd.find(isIdle) ?? crowd.find(waitsForClient) ?? connection);
  });

  // Node restarts this time whenever the client reads something: https://nodejs.org/api/http.html#servertimeout
  server.timeout = limits.unreadMs;
  server.on('timeout', (socket) => {
    const connection = all.get(socket);
    if (connection === undefined) socket.destroy();
    else if (socket.writableLength > 0)
      cutOff(connection, `nothing of it was read for ${limits.unreadMs / 1000} s`);
    else if (isIdle(connection)) close(connection);
  });

  const look = setInterval(() => {
    const now = performance.now();
    let bytes = [...all.values()].reduce((sum, { socket }) => sum + socket.writableLength, 0);
    for (const connection of all.values()) {
      if (isLate(connection, now, limits)) {
        if (isIdle(connection)) close(connection);
        else endLate(connection.socket);
      }
      const { writableLength } = connection.socket;
      connection.unreadSince = writableLength === 0 ? undefined : (connection.unreadSince ?? now);
      if (writableLength === 0) continue;
      const { unreadSince = now } = connection;
      if (bytes > limits.unreadBytes) cutOff(connection, 'unread answers took too much memory');
      else if (now - unreadSince >= limits.answerMs)
        cutOff(connection, `what waited was not read within ${limits.answerMs / 1000} s`);
      else continue;
      bytes -= writableLength;
    }
  }, limits.unreadEveryMs).unref();
  server.once('close', () => clearInterval(look));

  return {
    begin(request, response, handle) {
      const connection = all.get(request.socket);
      if (connection === undefined) return;
      const { response: before } = connection;
      if (before !== undefined) {
        if (!connection.isLast && connection.next === undefined && isAllSent(before)) {
          // Its client has read it to the end, before we could note that.
          connection.next = request;
          before.once('close', () => {
            connection.next = undefined;
            // Otherwise no answer could be sent, and its client asks again.
            if (!connection.isLast && request.socket.writable) this.begin(request, response, handle);
          });
          return;
        }
        if (!connection.isLast) endAfter(before, request.socket);
        connection.isLast = true;
        return;
      }
      Object.assign(connection, { request, response, arriving: { request, since: performance.now() } });
      moveBack(connection);
      response.once('close', () => {
        Object.assign(connection, { request: undefined, response: undefined });
        moveBack(connection);
      });
      handle();
    },
    answerOn: (socket) => all.get(socket)?.response,
  };
}

/** The connections of which one must go for the new one; undefined if there is room. */
function crowdOf(
  { client, socket }: Connection,
  others: readonly Connection[],
  { connections, connectionsPerClient, connectionsNotLocal }: ConnectionLimits,
): readonly Connection[] | undefined {
  const isLocal = isLoopback(client) || isLoopback(socket.remoteAddress ?? '');
  const most = isLocal ? Math.max(1, connections - connectionsNotLocal) : connectionsPerClient;
  const own = others.filter((other) => other.client === client);
  if (own.length >= most) return own;
  return others.length >= connections ? others : undefined;
}

function isIdle({ response }: Connection): boolean {
  return response === undefined;
}

/** Whether no byte of it waits here: its client may have read all of it. */
function isAllSent({ headersSent, shouldKeepAlive, writableLength, socket }: ServerResponse): boolean {
  return headersSent && shouldKeepAlive && writableLength === 0 && socket?.writableLength === 0;
}

function isLate({ arriving, response }: Connection, now: number, limits: ConnectionLimits): boolean {
  if (arriving === undefined || arriving.request.complete) return false;
  const isWatched = response !== undefined && limits.isUpload(arriving.request);
  return !isWatched && now - arriving.since >= limits.requestMs;
}

/** For the rest of a body, or to read the answer. */
function waitsForClient({ request, socket }: Connection): boolean {
  return request?.complete === false || socket.writableLength > 0;
}

/**
 * Requests that arrive before the answer to the first one are not handled, so that a connection has one at a time. Their
 * client sends them again: https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2
 */
function endAfter(response: ServerResponse, socket: Socket): void {
  socket.pause();
  if (!response.headersSent) response.setHeader('connection', 'close');
  response.once('finish', () => socket.destroySoon());
}
