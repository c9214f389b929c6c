/** The server of the single-machine host, over raw sockets, with requests that HTTP clients do not send. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { toNodeHandler } from 'srvx/node';
import { RequestError } from '../../functions/base/errors.ts';
import { closed, createLocalServer, listen, type ServerLimits } from '../../functions/hosts/local-server.ts';
import { parseJson, problem } from '../../functions/http/json-body.ts';
import { HEADERS } from '../fixtures/hosts/security-headers.ts';

/** Far longer than any of these tests takes. */
const HANGING_MS = 30_000;
const BODY_MS = 200;

describe('the local server', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map(closed));
  });

  /** Starts a server that answers with the JSON that it receives. */
  async function started(limits: Partial<ServerLimits> = {}, bodyMs = BODY_MS): Promise<number> {
    const echo = async (request: Request) => {
      try {
        if (request.url.endsWith('/own'))
          return Response.json(1, { headers: { 'cache-control': 'private' } });
        return Response.json(request.method === 'GET' ? {} : await parseJson(request, bodyMs));
      } catch (error) {
        if (RequestError.is(error)) return problem(error);
        throw error;
      }
    };
    const server = createLocalServer(toNodeHandler(echo) as Parameters<typeof createLocalServer>[0], limits);
    servers.push(server);
    return Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port);
  }

  /** Everything that the server sends until it closes the connection. */
  async function said(port: number, sent: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(HANGING_MS, () => socket.destroy(new Error('The server keeps the connection open')));
    socket.write(sent);
    let text = '';
    try {
      for await (const chunk of socket) text += chunk;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
    return text;
  }

  function idsIn(text: string): string[] {
    return [...text.matchAll(/\r\nx-request-id: ([\w.-]+)\r\n/gi)].map(([, id]) => id as string);
  }

  function assertAnswer(text: string, status: number): void {
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), text);
    for (const [name, value] of Object.entries(HEADERS)) {
      assert.ok(text.toLowerCase().includes(`\r\n${name}: ${value.toLowerCase()}\r\n`), `${name} in ${text}`);
    }
    assert.equal(idsIn(text).length, 1, text);
  }

  const CLOSE = 'connection: close\r\n';

  test('sets the headers on every response, and lets a response override them', async () => {
    const port = await started();
    assertAnswer(await said(port, `GET / HTTP/1.1\r\nhost: h\r\n${CLOSE}\r\n`), 200);
    const own = await said(port, `GET /own HTTP/1.1\r\nhost: h\r\n${CLOSE}\r\n`);
    assert.match(own, /cache-control: private\r\n/i);
    assert.doesNotMatch(own, /no-store/);
  });

  test('names every request: as its caller did, or by an id of its own', async () => {
    const port = await started();
    const head = (id: string) => `GET / HTTP/1.1\r\nhost: h\r\n${id}${CLOSE}\r\n`;
    assert.deepEqual(idsIn(await said(port, head('x-request-id: mine-1\r\n'))), ['mine-1']);
    const odd = ['', 'x-request-id: a b\r\n', 'x-request-id: a\r\nx-request-id: b\r\n', 'x-request-id: \r\n'];
    const ids: string[] = [];
    for (const id of odd) ids.push(...idsIn(await said(port, head(id))));
    assert.equal(new Set(ids).size, odd.length);
    for (const id of ids) assert.match(id, /^[0-9a-f-]{36}$/);
    // Its body does not arrive: Node ends it.
    const quick = await started({ headersMs: 100, requestMs: 200, lookEveryMs: 50 }, HANGING_MS);
    const stalled = 'POST / HTTP/1.1\r\nhost: h\r\nx-request-id: mine-2\r\ncontent-length: 9\r\n\r\n{';
    assert.deepEqual(idsIn(await said(quick, stalled)), ['mine-2']);
  });

  test('leaves other servers of its process alone', async () => {
    await started();
    const other = createServer((_request, response) => response.end());
    servers.push(other);
    const { port } = new URL(await listen(other, { host: '127.0.0.1', port: 0 }));
    const text = await said(Number(port), `GET / HTTP/1.1\r\nhost: h\r\n${CLOSE}\r\n`);
    assert.match(text, /^HTTP\/1.1 200/);
    assert.doesNotMatch(text, /no-store|nosniff/i);
  });

  test('answers malformed or oversized HTTP with the headers and no internal details', async () => {
    const port = await started();
    for (const [sent, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nhost: h\r\nbad header\r\n\r\n', 400],
      ['POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: h\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nhost: h\r\n\r\n`, 431],
    ] as const) {
      const text = await said(port, sent);
      assertAnswer(text, status);
      const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as Record<string, unknown>;
      assert.deepEqual([body['status'], body['type']], [status, 'about:blank']);
    }
    // This response is sent by Node itself.
    assertAnswer(await said(port, `GET / HTTP/1.1\r\n${CLOSE}\r\n`), 400);
    assertAnswer(await said(port, `GET / HTTP/1.1\r\nhost: h\r\nexpect: wonders\r\n${CLOSE}\r\n`), 200);
  });

  test('writes nothing into a response that has started', async () => {
    const server = createLocalServer((request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write('begun');
    });
    servers.push(server);
    const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port);
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(HANGING_MS, () => socket.destroy(new Error('hangs')));
    socket.write('POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n');
    let text = '';
    try {
      for await (const chunk of socket) {
        text += chunk;
        if (text.includes('begun')) socket.write('no chunk\r\n\r\n');
      }
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    }
    assert.match(text, /begun/);
    assert.doesNotMatch(text, /400 Bad Request/);
  });

  test('ends a request whose headers or body do not arrive', async () => {
    const slowly = {
      headersMs: 2 * HANGING_MS,
      requestMs: 2 * HANGING_MS,
      lookEveryMs: 50,
      unreadEveryMs: 50,
    };
    const quickHeaders = await started({ ...slowly, headersMs: 300 });
    assertAnswer(await said(quickHeaders, 'GET / HTTP/1.1\r\nhost: h\r\n'), 408);
    const quickBody = await started({ ...slowly, headersMs: 300, requestMs: 600 }, HANGING_MS);
    const stalled = await said(quickBody, 'POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{');
    assertAnswer(stalled, 408);
    assert.match(stalled, /"about:blank","title":"Request Timeout"/);
  });

  test('leaves the body of an upload to its handler, and ends it like any other once that has answered', async () => {
    const refused: string[] = [];
    const server = createLocalServer(
      async (request, response) => {
        if (request.url === '/uploads/refused') return void response.end('no');
        const read = await buffer(request).catch(() => undefined);
        response.end(`${read?.length} bytes`);
      },
      { requestMs: 300, unreadEveryMs: 50 },
    );
    servers.push(server);
    const port = Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port);
    const put = (path: string) => `PUT ${path} HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nab`;

    const slow = connect(port, '127.0.0.1');
    let answer = '';
    slow.on('data', (chunk) => {
      answer += chunk;
    });
    slow.write(put('/uploads/taken'));
    // Each of these is ended in the meantime.
    for (const path of ['/uploads/refused', '/tasks/uploads/', '/uploads'])
      refused.push(await said(port, put(path)));
    assert.match(refused[0] ?? '', /^HTTP\/1.1 200 OK[\s\S]*no$/);
    for (const text of refused.slice(1)) assertAnswer(text, 408);
    slow.write('cd');
    for (const end = Date.now() + HANGING_MS; !answer.endsWith('4 bytes'); await sleep(10)) {
      assert.ok(Date.now() < end, answer);
    }
    slow.destroy();
  });

  test('answers a client that sends only a part of a body, and closes the connection', async () => {
    const port = await started();
    for (const sent of ['content-length: 10\r\n\r\n{', 'transfer-encoding: chunked\r\n\r\n1\r\n{\r\n']) {
      const text = await said(port, `POST / HTTP/1.1\r\nhost: h\r\n${sent}`);
      assertAnswer(text, 408);
      assert.match(text, /"code":"request_timeout"/);
    }
    const whole = await said(port, `POST / HTTP/1.1\r\nhost: h\r\n${CLOSE}content-length: 2\r\n\r\n{}`);
    assertAnswer(whole, 200);
  });

  test('treats a client that disconnects within its body as a client error', async () => {
    const begun = Promise.withResolvers<void>();
    const outcome = Promise.withResolvers<unknown>();
    const reading = async (request: Request) => {
      begun.resolve();
      await parseJson(request, HANGING_MS).then(outcome.resolve, outcome.resolve);
      return new Response(null);
    };
    const server = createLocalServer(toNodeHandler(reading) as Parameters<typeof createLocalServer>[0]);
    servers.push(server);
    const { port } = new URL(await listen(server, { host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(port), '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{');
    await begun.promise;
    socket.destroy();
    const error = await outcome.promise;
    assert.ok(RequestError.is(error));
    assert.equal(error.code, 'request_timeout');
  });
});
