import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { buildConnector } from 'undici';
import {
  createWebDownloads,
  type DownloadLimits,
  type DownloadOptions,
} from '../../../functions/adapters/download/download.ts';
import { type DiskRoom, ENDLESS_ROOM } from '../../../functions/adapters/shared/disk-room.ts';
import type { LeastRate } from '../../../functions/adapters/shared/least-rate.ts';
import type { Code } from '../../../functions/base/codes.ts';
import type { Download, Validator } from '../../../functions/model/source.ts';
import { download, failureOf } from '../../fixtures/network/downloading.ts';
import { type Rudeness, startRudeServer } from '../../fixtures/network/rude-server.ts';
import { selfSigned } from '../../fixtures/network/self-signed.ts';
import { startSourceServer } from '../../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\n';
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;
const EARLY_HINTS = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n';
const KB = 'x'.repeat(1024);
const MAX_BYTES = 100_000;
/** What a server can send before the download stops, including what the network buffers. */
const SENT_AT_MOST = 20_000_000;

type Row = readonly [
  title: string,
  answer: Rudeness,
  code: Code,
  says: RegExp,
  limits?: Partial<DownloadLimits>,
  leastRate?: LeastRate,
];

const ENDLESS: readonly Row[] = [
  [
    'a chunked body',
    () => forever(CHUNKED, `400\r\n${KB}\r\n`),
    'source_too_large',
    /MAX_SOURCE_MB.+got more/,
  ],
  [
    'a body that lasts until the connection ends',
    () => forever(`${OK}\r\n`, KB),
    'source_too_large',
    /MAX_SOURCE_MB.+got more/,
  ],
  [
    'a body that is announced as too large',
    () => forever(`${OK}content-length: 100001\r\n\r\n`, KB),
    'source_too_large',
    /got 100001 bytes/,
  ],
  [
    'one chunk',
    () => forever(`${CHUNKED}fffffffffffff\r\n`, KB),
    'source_too_large',
    /MAX_SOURCE_MB.+got more/,
  ],
  [
    'chunks of one byte, each with a long extension',
    () => forever(CHUNKED, `1;${KB.repeat(4)}\r\nx\r\n`.repeat(4)),
    'source_too_large',
    /at most 331072 bytes from 127\.0\.0\.1, headers and chunk lengths included/,
  ],
  ['a chunk extension', () => forever(`${CHUNKED}1;`, KB), 'source_refused', /more than 16 KB of extensions/],
  ['the status line', () => forever('HTTP/1.1 200 ', KB), 'source_refused', /at most 64 KB of headers/],
  [
    'a chunk extension, a few bytes at a time',
    () => slowly(`${CHUNKED}1;`, KB),
    'source_slow',
    /no bytes for 300 ms/,
    { idleMs: 300 },
  ],
  ['one header', () => forever(`${OK}x: `, KB), 'source_refused', /headers.+got too many/],
  ['many headers', () => forever(OK, 'a: b\r\n'.repeat(100)), 'source_refused', /headers.+got too many/],
  [
    'trailers',
    () => forever(`${CHUNKED}1\r\nx\r\n0\r\n`, 'a: b\r\n'.repeat(100)),
    'source_refused',
    /headers.+got too many/,
  ],
  [
    'the status line, a few bytes at a time',
    () => slowly('HTTP/1.1 200 ', KB),
    'source_slow',
    /no answer after 300 ms/,
    { headersMs: 300 },
  ],
  ['interim answers', () => forever('', EARLY_HINTS), 'source_refused', /more than 20 interim answers/],
  [
    'headers, a few bytes at a time',
    () => slowly(OK, 'a: b\r\n'),
    'source_slow',
    /no answer after 300 ms/,
    { headersMs: 300 },
  ],
  [
    'interim responses, one at a time',
    () => slowly('', EARLY_HINTS),
    'source_refused',
    /more than 20 interim answers/,
  ],
  [
    'a body, one byte at a time',
    () => slowly(`${OK}content-length: 90000\r\n\r\n`, 'x'),
    'source_slow',
    /not finished after 700 ms/,
    { totalMs: 700 },
  ],
  [
    'a chunked body, one byte at a time, below the least rate',
    () => slowly(CHUNKED, '1\r\nx\r\n'),
    'source_slow',
    /got \d+ bytes in 0\.4 s, less than 1000 a second/,
    {},
    { bytesPerSecond: 1000, windowMs: 400 },
  ],
  [
    'a body that is fast at first, then one byte at a time',
    () => slowly(`${OK}content-length: 90000\r\n\r\n${KB.repeat(50)}`, 'x'),
    'source_slow',
    /less than 1000 a second/,
    {},
    { bytesPerSecond: 1000, windowMs: 400 },
  ],
  [
    'redirects, each just before its limit',
    () => slowly('', `HTTP/1.1 302 Found\r\nlocation: /on\r\n`, 300),
    'source_slow',
    /no answer after 500 ms/,
    { answerMs: 500 },
  ],
  [
    'the text of a refusal',
    () => forever('HTTP/1.1 403 Forbidden\r\ntransfer-encoding: chunked\r\n\r\n', `400\r\n${KB}\r\n`),
    'source_forbidden',
    /got 403/,
  ],
  ['a page', () => forever(CHUNKED, `400\r\n<html>${KB.slice(6)}\r\n`), 'media_unreadable', /web page/],
  [
    'the body of a redirect',
    (request) =>
      request.includes('/clip.mp4')
        ? forever(
            `HTTP/1.1 302 Found\r\nlocation: /on\r\ntransfer-encoding: chunked\r\n\r\n`,
            `400\r\n${KB}\r\n`,
          )
        : ['HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n'],
    'source_not_found',
    /got 404/,
  ],
];

/** Of these, no further try could come to anything. */
const LYING: readonly Row[] = [
  [
    'two lengths',
    () => [`${OK}content-length: 1\r\ncontent-length: 2\r\n\r\nxx`],
    'source_refused',
    /more than one Content-Length/,
  ],
  [
    'a length below zero',
    () => [`${OK}content-length: -1\r\n\r\nx`],
    'source_refused',
    /a Content-Length that is not a length/,
  ],
  [
    'a length that overflows',
    () => [`${OK}content-length: ${'9'.repeat(40)}\r\n\r\nx`],
    'source_refused',
    /a Content-Length that is not a length/,
  ],
  [
    'a chunk size that overflows',
    () => [`${CHUNKED}${'f'.repeat(40)}\r\nx`],
    'source_refused',
    /a chunk without a valid length/,
  ],
  [
    'a header without a colon',
    () => [`${OK}content-length: 4\r\nno colon\r\n\r\nclip`],
    'source_refused',
    /a header line that does not begin with a name and a colon/,
  ],
  [
    'a space in the name of a header',
    () => [`${OK}content-length: 4\r\nX Odd: 1\r\n\r\nclip`],
    'source_refused',
    /a header line that does not begin with a name and a colon/,
  ],
  [
    'another protocol',
    () => ['HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nx'],
    'source_refused',
    /status 101/,
  ],
  ['the end before the first header', () => [], 'network', /socket hang up/],
  ['the end in the middle of the headers', () => [OK], 'network', /socket hang up/],
  [
    'a length greater than the body',
    () => [`${OK}content-length: 1000\r\n\r\n${KB.slice(100)}`],
    'source_cut',
    /Expected 1000 bytes of .+, got the end of the connection after 924 bytes/,
  ],
];

describe('createWebDownloads, against malicious servers', { timeout: 120_000 }, () => {
  let dir: TempDir;
  let files = 0;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir[Symbol.asyncDispose]());

  /** The downloads stay open, so that a connection is not closed merely because they end. */
  async function stage(answer: Rudeness, limits: Partial<DownloadLimits> = {}, leastRate?: LeastRate) {
    await using starting = new AsyncDisposableStack();
    const server = starting.use(await startRudeServer(answer));
    const downloads = starting.use(
      createWebDownloads({
        allowPrivate: true,
        maxBytes: MAX_BYTES,
        limits: { totalMs: 60_000, ...limits },
        leastRate,
      }),
    );
    const file = join(dir.path, `${files++}.bin`);
    const running = starting.move();
    return {
      server,
      file,
      get(path?: string, validator?: Validator): Promise<Download> {
        const { signal } = new AbortController();
        return downloads.get(server.url(path), file, { signal, ...(validator && { validator }) });
      },
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    };
  }

  for (const [title, answer, code, says, limits, leastRate] of [...ENDLESS, ...LYING]) {
    it(`ends in ${code} and closes the connection: ${ENDLESS.some(([one]) => one === title) ? 'endless: ' : ''}${title}`, async () => {
      await using s = await stage(answer, limits, leastRate);
      const error = await failureOf(s.get('/clip.mp4?sig=s3cret'), code, says);
      assert.doesNotMatch(error.message, /s3cret/);
      await s.server.idle();
      assert.ok(s.server.sent < SENT_AT_MOST, `${s.server.sent} bytes were sent`);
      assert.equal(existsSync(s.file), false, 'a partial file was left');
    });
  }

  it('says how much of a body that breaks off has arrived, also of what was not read yet', async () => {
    await using server = await startRudeServer(() => [`${OK}content-length: 5000\r\n\r\n${KB}`]);
    const room: DiskRoom = {
      async reserve(...args) {
        await server.idle();
        await sleep(20);
        return ENDLESS_ROOM.reserve(...args);
      },
    };
    await failureOf(
      download(server.url(), join(dir.path, 'late.bin'), { room }),
      'source_cut',
      /Expected 5000 bytes of .+, got the end of the connection after 1024 bytes/,
    );
  });

  it('reads no more than was announced', async () => {
    await using s = await stage(() => [`${OK}content-length: 10\r\n\r\n${KB}`]);
    const got = await s.get();
    assert.ok(got.modified && got.bytes === 10);
    await s.server.idle();
  });

  it('accepts a few interim responses', async () => {
    await using s = await stage(() => [EARLY_HINTS.repeat(3), `${OK}content-length: 4\r\n\r\nclip`]);
    assert.ok((await s.get()).modified);
    assert.equal(await readFile(s.file, 'utf8'), 'clip');
  });

  it('counts redirects towards the total time', async () => {
    let hops = 0;
    const hop = async function* () {
      await sleep(300);
      yield `HTTP/1.1 302 Found\r\nlocation: /${hops++}\r\ncontent-length: 0\r\n\r\n`;
    };
    await using s = await stage(hop, { totalMs: 700 });
    await failureOf(s.get(), 'source_slow', /not finished after 700 ms/);
    await s.server.idle();
    assert.ok(hops < 6);
  });

  it('decompresses no more than a file may have', async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000));
    const head = `${OK}content-length: ${bomb.length}\r\n`;
    await using named = await stage(() => [`${head}content-encoding: gzip\r\n\r\n`, bomb]);
    await failureOf(named.get(), 'source_too_large', /at most 100000 bytes/);
    assert.equal(existsSync(named.file), false);
    await using plain = await stage(() => [`${head}\r\n`, bomb]);
    await plain.get();
    assert.deepEqual(await readFile(plain.file), bomb);
  });

  it('follows no header except a redirect, and sends no cookie back', async () => {
    const headers = [
      'refresh: 0; url=/elsewhere',
      'location: /elsewhere',
      'link: </elsewhere>; rel=preload',
      'alt-svc: h2=":1"; ma=3600',
      'content-location: /elsewhere',
      'set-cookie: a=b',
    ].join('\r\n');
    await using s = await stage(() => [`${OK}${headers}\r\ncontent-length: 4\r\n\r\nclip`]);
    await s.get();
    await s.get();
    assert.equal(s.server.received.length, 2);
    for (const request of s.server.received) {
      assert.match(request, /^GET \/clip\.mp4 HTTP\/1\.1\r\n/);
      assert.doesNotMatch(request, /cookie/i);
    }
  });

  it('sends one request, even if a URL or a redirect contains line breaks', async () => {
    const path = '/a%0d%0aX-Injected:%20b?c=%0d%0a%0d%0aGET%20/\r\nX-Injected: d#\r\n';
    await using s = await stage((request) =>
      request.includes('/second')
        ? [`${OK}content-length: 4\r\n\r\nclip`]
        : [
            'HTTP/1.1 302 Found\r\nlocation: /second%0d%0aX-Injected:b\tX-Injected:c\r\ncontent-length: 0\r\n\r\n',
          ],
    );
    await s.get(path);
    assert.equal(s.server.received.length, 2);
    for (const request of s.server.received) {
      const [line = '', ...headers] = request.trimEnd().split('\r\n');
      assert.match(line, /^GET \/\S+ HTTP\/1\.1$/);
      assert.deepEqual(
        headers.map((header) => header.split(':')[0]?.toLowerCase()),
        ['host', 'connection', 'accept', 'accept-encoding', 'user-agent'],
      );
    }
  });

  it('sends each request on its own connection', async () => {
    await using s = await stage(() => [`${OK}content-length: 4\r\n\r\nclip`]);
    for (let n = 1; n <= 3; n++) {
      await s.get();
      assert.equal(s.server.received.length, n);
      assert.match(s.server.received.at(-1) ?? '', /\r\nconnection: close\r\n/i);
    }
  });

  it('keeps no validator that it cannot send back', async () => {
    for (const etag of ['"€"', '"é"', `"${'e'.repeat(2_000)}"`]) {
      await using s = await stage(() => [`${OK}etag: ${etag}\r\ncontent-length: 4\r\n\r\nclip`]);
      const got = await s.get();
      assert.deepEqual(got.modified && got.validator, null);
    }
  });
});

describe('createWebDownloads, over https', () => {
  it('follows no redirect from https to http, where anyone could change the file', async () => {
    const { key, cert } = selfSigned('cdn.example');
    await using dir = await tempDir();
    await using plain = await startSourceServer({ '/clip.mp4': { body: Buffer.from('clip') } });
    const secure = createHttpsServer({ key, cert }, (request, response) => {
      const to = request.url === '/down' ? plain.url('/clip.mp4') : '/clip.mp4';
      response.writeHead(request.url === '/clip.mp4' ? 200 : 302, { location: to }).end('clip');
    });
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as AddressInfo;
    const options: DownloadOptions = {
      allowPrivate: true,
      maxBytes: MAX_BYTES,
      resolver: async () => [{ address: '127.0.0.1', family: 4 }],
      buildConnector: (given) => buildConnector({ ...given, ca: cert }),
    };
    await using downloads = createWebDownloads(options);
    const { signal } = new AbortController();
    const get = (path: string) =>
      downloads.get(`https://cdn.example:${port}${path}`, join(dir.path, 'clip'), { signal });
    try {
      assert.ok((await get('/same')).modified);
      await failureOf(get('/down'), 'source_refused', /got one from https to http/);
      assert.equal(plain.count(), 0);
    } finally {
      secure.closeAllConnections();
      secure.close();
    }
  });
});

function* forever(first: string, piece: string): Generator<string> {
  yield first;
  for (;;) yield piece;
}

async function* slowly(first: string, piece: string, everyMs = 20): AsyncGenerator<string> {
  yield first;
  for (;;) {
    await sleep(everyMs);
    yield piece;
  }
}
