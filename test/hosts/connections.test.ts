/** How the server of the single-machine host shares its connections, and what it does about answers nobody reads. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { closed, createLocalServer, listen, type ServerLimits } from '../../functions/hosts/local-server.ts';
import { EXHAUSTIVE } from '../fixtures/system/sample.ts';

/** Far longer than any of these tests takes. */
const HANGING_MS = 30_000;
const GET = 'GET / HTTP/1.1\r\nhost: h\r\n\r\n';
/** More than the buffers of both sockets hold. */
const LARGE = Buffer.alloc(32 * 2 ** 20);
/** What a steady client had read, at most, until Linux told its server of it. */
const LARGEST_STEP = 7 * 2 ** 20;
const SLOWEST_BYTES_PER_S = 8 * 1024;

describe('the connections of the local server', () => {
  const servers: Server[] = [];
  const sockets: Socket[] = [];
  const logged: string[] = [];
  afterEach(async () => {
    logged.length = 0;
    for (const socket of sockets.splice(0)) socket.destroy();
    await Promise.all(servers.splice(0).map(closed));
  });

  async function started(limits: Partial<ServerLimits>, listener: RequestListener): Promise<number> {
    const log = { info: (message: string) => logged.push(message) };
    const server = createLocalServer(listener, limits, log);
    servers.push(server);
    return Number(new URL(await listen(server, { host: '127.0.0.1', port: 0 })).port);
  }

  async function opened(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    socket.on('error', () => {});
    socket.setTimeout(HANGING_MS, () => socket.destroy());
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  /** Everything that the server sends until it closes the connection. */
  async function said(socket: Socket, sent: string): Promise<string> {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write(sent);
    if (!socket.destroyed) await once(socket, 'close');
    return text;
  }

  const countOf = (server: Server | undefined) =>
    new Promise<number>((resolve) => server?.getConnections((_, count) => resolve(count)));
  async function until(what: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + HANGING_MS; !(await what()); await sleep(10)) {
      assert.ok(Date.now() < end, 'never happens');
    }
  }

  const answering: RequestListener = (_request, response) => response.end('here');
  const CLOSE = GET.replace('host', 'connection: close\r\nhost');

  test('that only hold a place make room for a new one, the oldest first', async () => {
    const port = await started({ connections: 10, connectionsNotLocal: 2 }, answering);
    const held: Socket[] = [];
    for (let count = 0; count < 30; count++) held.push(await opened(port));
    assert.match(await said(await opened(port), CLOSE), /^HTTP\/1.1 200/);
    await until(async () => held.filter(({ destroyed }) => !destroyed).length <= 7);
    assert.deepEqual(
      held.map(({ destroyed }) => destroyed),
      held.map((_, at) => at < 23),
    );
  });

  test('from one address elsewhere are limited, whatever others hold', () => {
    const server = createLocalServer(answering, { connectionsPerClient: 3, connections: 6 });
    servers.push(server);
    const from = (remoteAddress: string) => {
      const socket = Object.assign(new PassThrough(), { remoteAddress });
      server.emit('connection', socket);
      return socket;
    };
    const greedy = [1, 2, 3, 4, 5].map((_, at) => from(at === 0 ? '::ffff:203.0.113.7' : '203.0.113.7'));
    const others = ['2001:db8::1', '2001:db8::2', '2001:db8::3', '2001:db8::4', '198.51.100.1'].map(from);
    const kept = (sockets: PassThrough[]) => sockets.map(({ destroyed }) => !destroyed);
    assert.deepEqual(kept(greedy), [false, false, false, true, true], 'the oldest of all went for the last');
    assert.deepEqual(kept(others), [false, true, true, true, true], 'a network of IPv6 is one client');
  });

  test('that wait for the rest of a body make room as well', async () => {
    const port = await started({ connections: 6, connectionsNotLocal: 2 }, (request, response) => {
      if (request.method === 'GET') answering(request, response);
    });
    for (let count = 0; count < 4; count++) {
      (await opened(port)).write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 9\r\n\r\n{');
    }
    await sleep(50);
    assert.match(await said(await opened(port), CLOSE), /^HTTP\/1.1 200/);
  });

  test('that the service works for are kept, and others are refused', { skip: onlyLinux() }, async () => {
    const waiting: (() => void)[] = [];
    const port = await started({ connections: 10, connectionsNotLocal: 8 }, (request, response) => {
      waiting.push(() => answering(request, response));
    });
    const kept = [await opened(port), await opened(port)].map((socket) => said(socket, CLOSE));
    await until(async () => waiting.length === 2);
    assert.equal(await said(await opened(port), CLOSE), '', 'the same client has no place left');
    const other = said(await opened(port, '127.0.0.2'), CLOSE);
    await until(async () => waiting.length === 3);
    for (const answer of waiting) answer();
    for (const text of [...(await Promise.all(kept)), await other]) assert.match(text, /here/);
  });

  test('handle no request that they could not answer', async () => {
    for (const [connection, posts] of [
      ['keep-alive', 2],
      ['close', 1],
    ] as const) {
      const handled: (string | undefined)[] = [];
      let finish = () => {};
      const port = await started({}, ({ method }, response) => {
        handled.push(method);
        response.writeHead(200, { 'content-length': '4', connection });
        response.write('ab');
        finish = () => response.end('cd');
      });
      const socket = await opened(port);
      const answers = said(socket, GET);
      await until(async () => handled.length === 1);
      // Without a pause, they would come before the answer has begun.
      await sleep(50);
      for (let post = 0; post < posts; post++) {
        socket.write('POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n');
        await sleep(50);
      }
      finish();
      assert.equal((await answers).match(/HTTP\/1\.1 200/g)?.length, 1);
      assert.deepEqual(handled, ['GET'], connection);
    }
  });

  test('have one request at a time, however many were sent', async () => {
    let handled = 0;
    const port = await started({}, (_request, response) => {
      handled += 1;
      setTimeout(() => response.end('here'), 100);
    });
    const text = await said(await opened(port), GET.repeat(500));
    assert.equal(handled, 1);
    assert.match(text, /connection: close\r\n/i);
    assert.equal(text.split('HTTP/1.1 200').length, 2);
    const one = await opened(port);
    for (const expected of [2, 3]) {
      one.write(GET);
      await once(one, 'data');
      assert.equal(handled, expected, 'one after the other is served');
    }
  });

  for (const [what, limits, why] of [
    ['is not read', { unreadMs: 200 }, 'nothing of it was read for 0.2 s'],
    ['is read too slowly', { answerMs: 300, unreadEveryMs: 50 }, 'what waited was not read within 0.3 s'],
  ] as const) {
    test(`are closed where an answer ${what}, and the log says so`, async () => {
      const port = await started(limits, (_request, response) => response.end(LARGE));
      const socket = await opened(port);
      socket.pause();
      const trickle = setInterval(() => socket.read(1), 20);
      socket.write(GET);
      await until(async () => (await countOf(servers[0])) === 1);
      await until(async () => (await countOf(servers[0])) === 0);
      clearInterval(trickle);
      assert.deepEqual(logged, [`An answer to 127.0.0.1 was cut off: ${why}`]);
    });
  }

  test('wait long enough for who reads slowly, of whom Linux tells in steps of megabytes', () => {
    const server = createLocalServer(answering);
    servers.push(server);
    assert.ok(server.timeout >= (LARGEST_STEP / SLOWEST_BYTES_PER_S) * 1000, `${server.timeout} ms`);
  });

  const skip = EXHAUSTIVE ? onlyLinux() : 'takes two minutes, with npm run test:exhaustive';
  test('send a large answer to who reads 20 KB a second', { skip }, async () => {
    const port = await started({}, (_request, response) => {
      Readable.from(Array.from({ length: 4_000 }, () => Buffer.alloc(64 * 1024))).pipe(response);
    });
    const socket = await opened(port);
    socket.setTimeout(0);
    socket.pause();
    socket.write(GET);
    for (const end = Date.now() + 120_000; Date.now() < end; await sleep(500)) {
      socket.read(10 * 1024);
      assert.equal(socket.destroyed || socket.readableEnded, false, logged.join());
    }
    assert.equal(await countOf(servers[0]), 1, logged.join());
  });

  describe('with an answer that is made as it is read', () => {
    const PIECE = Buffer.alloc(64 * 1024);
    const limits = { unreadMs: 700, answerMs: 700, unreadEveryMs: 50 };
    /** Longer than both limits, at the pace of the reader below. */
    const PIECES = 200;
    const streaming: RequestListener = (_request, response) => {
      Readable.from(Array.from({ length: PIECES }, () => PIECE)).pipe(response);
    };

    test('stay open as long as it is read, however long it takes', async () => {
      const port = await started(limits, streaming);
      const socket = await opened(port);
      socket.pause();
      socket.write(CLOSE);
      const begun = performance.now();
      let bytes = 0;
      while (!socket.readableEnded && !socket.destroyed) {
        bytes += (socket.read(256 * 1024) ?? socket.read())?.length ?? 0;
        await sleep(40);
      }
      assert.ok(bytes > PIECES * PIECE.length, `got ${bytes} bytes`);
      assert.ok(performance.now() - begun > 2 * limits.answerMs, 'the reader was too fast to show anything');
    });

    test('are closed where it is not read on', async () => {
      const port = await started(limits, streaming);
      const socket = await opened(port);
      socket.pause();
      socket.write(GET);
      await until(async () => (await countOf(servers[0])) === 1);
      await until(async () => (await countOf(servers[0])) === 0);
    });
  });

  test('are closed, the oldest first, where unread answers take too much memory', async () => {
    const limits = { unreadBytes: 1.5 * LARGE.length, unreadEveryMs: 50 };
    const port = await started(limits, (_request, response) => response.end(LARGE));
    for (let count = 0; count < 3; count++) {
      const socket = await opened(port);
      socket.pause();
      socket.write(GET);
    }
    await until(async () => (await countOf(servers[0])) === 1);
    const text = said(await opened(port), CLOSE);
    assert.match((await text).slice(0, 20), /^HTTP\/1.1 200/);
  });

  test('stay open while the service works longer than an answer may stay unread', async () => {
    const port = await started({ unreadMs: 50 }, (_request, response) => {
      setTimeout(() => response.end('here'), 300);
    });
    assert.match(await said(await opened(port), CLOSE), /here/);
  });
});

function onlyLinux(): string | false {
  return process.platform === 'linux'
    ? false
    : 'only Linux has a second address of this machine without setting it up';
}
