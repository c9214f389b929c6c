import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { symlink } from 'node:fs/promises';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { DownloadLimits } from '../../../functions/adapters/download/download.ts';
import { parseRetryAfter } from '../../../functions/adapters/shared/network-errors.ts';
import type { Code } from '../../../functions/base/codes.ts';
import { TransientError } from '../../../functions/base/errors.ts';
import { download, failureOf } from '../../fixtures/network/downloading.ts';
import { selfSigned } from '../../fixtures/network/self-signed.ts';
import {
  type SourceFile,
  type SourceServer,
  startSourceServer,
} from '../../fixtures/network/source-server.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

const BODY = randomBytes(300_000);
const MONDAY = 'Mon, 02 Nov 2026 10:00:00 GMT';

/** Responses that end in an error: how the path behaves, the error code, and what the message must contain. */
const FAILURES: readonly [
  title: string,
  file: Partial<SourceFile>,
  code: Code,
  says: RegExp,
  limits?: Partial<DownloadLimits>,
][] = [
  ...([404, 410] as const).map((status) => failing(status, 'source_not_found')),
  ...([401, 403] as const).map((status) => failing(status, 'source_forbidden')),
  ...([202, 408, 425, 429, 500, 502, 503, 504] as const).map((status) => failing(status, 'source_busy')),
  ...([400, 402, 405, 418, 451, 206, 300, 304] as const).map((status) => failing(status, 'source_refused')),
  ['a redirect without a target', { always: { does: 'status', status: 302 } }, 'source_refused', /302/],
  ['a redirect to a file', redirect('file:///etc/passwd'), 'source_refused', /scheme "file:"/],
  ['a redirect to ftp', redirect('ftp://example.com/a.mp4'), 'source_refused', /scheme "ftp:"/],
  ['a redirect to an invalid URL', redirect('http://[nonsense'), 'source_refused', /no URL/],
  ['a redirect in a circle', redirect('/it'), 'source_refused', /at most 5 redirects/],
  ['a redirect to the metadata service', redirect('http://169.254.169.254/'), 'address_refused', /metadata/],
  ['an empty file', { body: Buffer.alloc(0) }, 'media_unreadable', /0 bytes/],
  ['an empty file without length', { body: Buffer.alloc(0), chunked: true }, 'media_unreadable', /0 bytes/],
  ['204', { always: { does: 'status', status: 204 } }, 'media_unreadable', /0 bytes/],
  [
    'a file that is announced as too large',
    { body: Buffer.alloc(1_000_001) },
    'source_too_large',
    /at most 1000000 bytes/,
  ],
  [
    'a file that turns out too large',
    { body: Buffer.alloc(1_000_001), chunked: true },
    'source_too_large',
    /at most 1000000 bytes \(MAX_SOURCE_MB\)/,
  ],
  [
    'a body that breaks off',
    { always: { does: 'drop' } },
    'source_cut',
    /Expected 300000 bytes of .+, got the end of the connection after \d+ bytes/,
  ],
  [
    'a chunked body that breaks off',
    { always: { does: 'drop' }, chunked: true },
    'source_cut',
    /Expected all chunks of/,
  ],
  [
    'a body that stalls',
    { always: { does: 'stall' } },
    'source_slow',
    /no bytes for 300 ms/,
    { idleMs: 300 },
  ],
  [
    'a server that never answers',
    { always: { does: 'hang' } },
    'source_slow',
    /no answer after 300 ms/,
    { headersMs: 300 },
  ],
];

function failing(status: number, code: Code): (typeof FAILURES)[number] {
  return [
    `status ${status}`,
    { always: { does: 'status', status } },
    code,
    new RegExp(`got (status )?${status}`),
  ];
}

function redirect(to: string): Partial<SourceFile> {
  return { always: { does: 'redirect', to } };
}

describe('createWebDownloads, when a download fails', () => {
  let dir: TempDir;
  let server: SourceServer;

  before(async () => {
    dir = await tempDir();
    server = await startSourceServer({ '/clip.mp4': { body: BODY } });
  });
  after(async () => {
    await server.stop();
    await dir[Symbol.asyncDispose]();
  });

  /** Downloads into a file that must not exist afterwards, because every one of these fails. */
  async function get(url: string, options: Parameters<typeof download>[2] = {}): Promise<void> {
    const file = join(dir.path, 'failed.bin');
    try {
      await download(url, file, options);
    } finally {
      assert.equal(existsSync(file), false, 'a partial file was left');
    }
  }

  for (const [title, file, code, says, limits = {}] of FAILURES) {
    it(`fails with ${code} for ${title}, after one request and without leaving a file`, async () => {
      server.set('/it', { body: BODY, ...file });
      const before = server.count('/it');
      const error = await failureOf(get(server.url('/it?key=s3cret'), { limits }), code, says);
      assert.doesNotMatch(error.message, /s3cret/);
      assert.equal(server.count('/it') - before, title.includes('circle') ? 6 : 1);
    });
  }

  it('passes on the Retry-After of a busy server', async () => {
    const headers = { 'retry-after': '7' };
    server.set('/busy', { body: BODY, always: { does: 'status', status: 429, headers } });
    const error = await failureOf(get(server.url('/busy')), 'source_busy');
    assert.ok(TransientError.is(error));
    assert.equal(error.retryAfterMs, 7000);
  });

  it('reads Retry-After as seconds or as a date', () => {
    assert.equal(parseRetryAfter('0'), 0);
    assert.equal(parseRetryAfter(MONDAY, Date.parse(MONDAY) - 5000), 5000);
    assert.equal(parseRetryAfter(MONDAY, Date.parse(MONDAY) + 5000), 0);
    assert.equal(parseRetryAfter('soon'), undefined);
    assert.equal(parseRetryAfter(undefined), undefined);
  });

  it('waits at most ten minutes, whatever Retry-After says', () => {
    const now = Date.parse(MONDAY);
    for (const long of ['601', '86400', '1000000000000', '9'.repeat(400), 'Tue, 03 Nov 2099 10:00:00 GMT']) {
      assert.equal(parseRetryAfter(long, now), 600_000, long);
    }
    for (const none of ['-5', 'NaN', 'Infinity', '1e12', '1.5', '0x10', '', ' ', '7, 8', 'Monday']) {
      assert.equal(parseRetryAfter(none, now), undefined, none);
    }
    for (const [asked, kept] of [
      [1e300, 600_000],
      [Number.POSITIVE_INFINITY, 600_000],
      [-1, 0],
      [Number.NaN, undefined],
    ]) {
      const options = asked === undefined ? {} : { retryAfterMs: asked };
      assert.equal(new TransientError('network', 'Busy.', options).retryAfterMs, kept);
    }
  });

  it('refuses a server that does not speak HTTP, at once', async () => {
    const odd = createTcpServer((socket) => socket.on('error', () => {}).end('220 ready for mail\r\n'));
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const { port } = odd.address() as AddressInfo;
    const failing = failureOf(
      get(`http://127.0.0.1:${port}/`),
      'source_refused',
      /got something that is not HTTP/,
    );
    await failing.finally(() => odd.close());
  });

  it('refuses a self-signed certificate', async () => {
    const secure = createHttpsServer(selfSigned(), (_, response) => response.end(BODY));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as AddressInfo;
    const told = failureOf(
      get(`https://127.0.0.1:${port}/`),
      'source_refused',
      /certificate.+DEPTH_ZERO_SELF_SIGNED_CERT/,
    );
    await told.finally(() => secure.close());
  });

  it('refuses https from a server without it', async () => {
    await failureOf(get(server.url('/clip.mp4').replace('http:', 'https:')), 'source_refused', /HTTPS/);
  });

  it('fails with disk_full if the disk is full', {
    skip: !existsSync('/dev/full') && 'needs /dev/full',
  }, async () => {
    const file = join(dir.path, 'full.bin');
    await symlink('/dev/full', file);
    await failureOf(download(server.url('/clip.mp4'), file), 'disk_full');
  });

  it('passes on a bug of ours unchanged', () =>
    assert.rejects(download(server.url('/clip.mp4'), join(dir.path, 'no', 'such', 'dir')), {
      code: 'ENOENT',
    }));
});
