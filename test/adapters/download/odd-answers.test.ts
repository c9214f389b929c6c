import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import type { Code } from '../../../functions/base/codes.ts';
import { download, failureOf } from '../../fixtures/network/downloading.ts';
import { startRudeServer } from '../../fixtures/network/rude-server.ts';
import { type TempDir, tempDir } from '../../fixtures/system/temp-dir.ts';

/** Begins as an MP4 does. */
const FILE = Buffer.concat([Buffer.from('\0\0\0\x20ftypisom'), randomBytes(3000)]);
const N = FILE.length;
const CRLF = '\r\n';
const LENGTH = `Content-Length: ${N}`;
const TYPE = 'Content-Type: video/mp4';

function answer(headers: readonly string[], body: Buffer | string = FILE, status = '200 OK'): Buffer {
  return Buffer.concat([
    Buffer.from([`HTTP/1.1 ${status}`, ...headers, '', ''].join(CRLF), 'latin1'),
    Buffer.from(body),
  ]);
}

/** With its length, whatever its type says. */
function page(body: string, type = 'video/mp4', ...headers: string[]): Buffer {
  return answer([`Content-Type: ${type}`, `Content-Length: ${Buffer.byteLength(body)}`, ...headers], body);
}

function chunked(body: Buffer): Buffer {
  const half = body.length >> 1;
  const pieces = [body.subarray(0, half), body.subarray(half), Buffer.alloc(0)];
  return Buffer.concat(
    pieces.flatMap((piece) => [Buffer.from(`${piece.length.toString(16)}${CRLF}`), piece, Buffer.from(CRLF)]),
  );
}

const zipped = gzipSync(FILE);

/** Answers that contain the file, although something about them is wrong. */
const TAKEN: readonly [title: string, answer: Buffer][] = [
  [
    'a length that its chunks contradict',
    answer([TYPE, 'Content-Length: 7', 'Transfer-Encoding: chunked'], chunked(FILE)),
  ],
  ['lines that end in LF', Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\n${TYPE}\n${LENGTH}\n\n`), FILE])],
  ['a control character in a header', answer([TYPE, LENGTH, 'X-Odd: a\x01b'])],
  ['bytes of UTF-8 in a header', answer([TYPE, LENGTH, Buffer.from('X-Odd: größe').toString('latin1')])],
  [
    '60 KB of cookies',
    answer([TYPE, LENGTH, ...Array.from({ length: 60 }, (_, n) => `Set-Cookie: c${n}=${'x'.repeat(1000)}`)]),
  ],
  [
    'more bytes than announced',
    answer([TYPE, LENGTH], Buffer.concat([FILE, Buffer.from('garbage'.repeat(100))])),
  ],
  ['no length', answer([TYPE])],
  ['the type text/html', answer(['Content-Type: text/html; charset=utf-8', LENGTH])],
  ['the type text/plain', answer(['Content-Type: text/plain', LENGTH])],
  ['the type application/json', answer(['Content-Type: application/json', LENGTH])],
  ['no type', answer([LENGTH])],
  [
    'an unasked 206 of the whole',
    answer([TYPE, LENGTH, `Content-Range: bytes 0-${N - 1}/${N}`], FILE, '206 Partial Content'),
  ],
  [
    'an unasked 206 of a whole of unknown size',
    answer([TYPE, LENGTH, `Content-Range: bytes 0-${N - 1}/*`], FILE, '206 Partial Content'),
  ],
  ...['gzip', 'x-gzip', 'deflate', 'br', 'zstd', 'identity', 'none', 'aws-chunked', 'binary', 'UTF-8'].map(
    (coding): [string, Buffer] => [
      `the false Content-Encoding ${coding}`,
      answer([TYPE, LENGTH, `Content-Encoding: ${coding}`]),
    ],
  ),
  ['true gzip', answer([TYPE, `Content-Length: ${zipped.length}`, 'Content-Encoding: gzip'], zipped)],
  [
    'true gzip in chunks',
    answer([TYPE, 'Transfer-Encoding: chunked', 'Content-Encoding: gzip'], chunked(zipped)),
  ],
];

const HTML = '<!DOCTYPE html><html><head><title>Clip</title></head><body>The clip</body></html>';
const SIGN_IN = '<html><body><form><input name=p type="password"></form></body></html>';
const XML = '<?xml version="1.0"?>\n<Error><Code>NoSuchKey</Code><Key>s3cret</Key></Error>';

const REFUSED: readonly [title: string, answer: Buffer, code: Code, says: RegExp][] = [
  ['a page that is sent as a video', page(HTML), 'media_unreadable', /got a web page \(HTML\)/],
  [
    'a page after a comment and space',
    page(`\ufeff \n<!-- ${'x'.repeat(200)} -->${HTML}`),
    'media_unreadable',
    /web page/,
  ],
  [
    'a page after a long comment',
    page(`<?xml version="1.0"?><!-- ${'x'.repeat(5_000)} --> <!-- y -->${HTML}`),
    'media_unreadable',
    /web page/,
  ],
  [
    'XML after a long comment',
    page(`<!-- ${'x'.repeat(5_000)} -->${XML}`),
    'media_unreadable',
    /got XML instead \(NoSuchKey\)/,
  ],
  [
    'a page in gzip',
    answer(['Content-Encoding: gzip'], gzipSync(HTML)),
    'media_unreadable',
    /got a web page/,
  ],
  [
    'a page that forwards',
    page('<html><meta http-equiv="refresh" content="0;url=/a"></html>'),
    'media_unreadable',
    /meta refresh/,
  ],
  [
    'a page that asks for a password',
    page(SIGN_IN, 'text/html'),
    'source_forbidden',
    /asks to sign in.+share the file with anyone/,
  ],
  [
    'an error of S3 with status 200',
    page(XML, 'application/xml'),
    'media_unreadable',
    /got XML instead \(NoSuchKey\)/,
  ],
  [
    'XML without a declaration',
    page('<Error><Code>ExpiredToken</Code></Error>'),
    'media_unreadable',
    /got XML instead \(ExpiredToken\)/,
  ],
  ['JSON', page('{"error":"expired"}', 'application/json'), 'media_unreadable', /got JSON instead/],
  ['JSON that is sent as a video', page('\n[ {"a": 1} ]'), 'media_unreadable', /got JSON instead/],
  ['a text', page('No such clip', 'text/plain'), 'media_unreadable', /got a plain text instead/],
  [
    'true deflate',
    answer(['Content-Encoding: deflate'], deflateSync(FILE)),
    'source_refused',
    /Content-Encoding deflate/,
  ],
  [
    'true deflate without a header of zlib',
    answer(['Content-Encoding: deflate'], deflateRawSync(FILE)),
    'source_refused',
    /Content-Encoding deflate/,
  ],
  [
    'true br',
    answer(['Content-Encoding: br'], brotliCompressSync(FILE)),
    'source_refused',
    /Content-Encoding br\b/,
  ],
  [
    'true br of nothing but zeros',
    answer(['Content-Encoding: br'], brotliCompressSync(Buffer.alloc(2 ** 21))),
    'source_refused',
    /Content-Encoding br\b/,
  ],
  [
    'a page that is not in br',
    page(HTML, 'video/mp4', 'Content-Encoding: br'),
    'media_unreadable',
    /web page/,
  ],
  [
    'true zstd',
    answer(['Content-Encoding: zstd'], zstdCompressSync(FILE)),
    'source_refused',
    /Content-Encoding zstd/,
  ],
  [
    'damaged gzip',
    answer(['Content-Encoding: gzip'], zipped.fill(7, 500, 600)),
    'source_refused',
    /got damaged bytes/,
  ],
  [
    'gzip that ends early',
    answer(['Content-Encoding: gzip'], zipped.subarray(0, 400)),
    'source_refused',
    /got damaged bytes/,
  ],
  [
    'an unasked part',
    answer([`Content-Range: bytes 0-99/${N}`], FILE.subarray(0, 100), '206 Partial Content'),
    'source_refused',
    /status 206 with a part of it \(bytes 0-99/,
  ],
  [
    'a part of unknown size',
    answer([`Content-Range: bytes 0-${N}/*`, LENGTH], FILE, '206 Partial Content'),
    'source_refused',
    /status 206 with a part/,
  ],
  [
    'a part of unknown size and length',
    answer([`Content-Range: bytes 0-${N - 1}/*`], FILE, '206 Partial Content'),
    'source_refused',
    /status 206 with a part/,
  ],
  [
    'several parts',
    answer(['Content-Type: multipart/byteranges; boundary=x'], FILE, '206 Partial Content'),
    'source_refused',
    /without a Content-Range/,
  ],
  [
    'a challenge to robots',
    answer(['cf-mitigated: challenge', 'Content-Length: 0'], '', '403 Forbidden'),
    'source_forbidden',
    /got 403 from Cloudflare, which checks for robots/,
  ],
  [
    'a challenge that looks like "not ready"',
    answer(['x-amzn-waf-action: challenge'], '', '202 Accepted'),
    'source_forbidden',
    /AWS WAF/,
  ],
  [
    'a 401',
    answer(['WWW-Authenticate: Basic', 'Content-Length: 0'], '', '401 Unauthorized'),
    'source_forbidden',
    /got 401, which asks to sign in.+share the file/,
  ],
  [
    'a plain 403',
    answer(['Content-Length: 0'], '', '403 Forbidden'),
    'source_forbidden',
    /got 403\. Next step: open the URL in a private window/,
  ],
  [
    'a file that is not ready',
    answer(['Retry-After: 1', 'Content-Length: 0'], '', '202 Accepted'),
    'source_busy',
    /not ready yet/,
  ],
  [
    'an expired URL of S3',
    answer(
      ['Content-Type: application/xml'],
      '<Error><Code>AccessDenied</Code><Message>Request has expired</Message><Key>s3cret</Key></Error>',
      '403 Forbidden',
    ),
    'source_forbidden',
    /got 403 \(AccessDenied, expired\)\. Next step: create a new signed URL/,
  ],
  [
    'a wrong signature',
    answer(
      [],
      '<Error><Code>SignatureDoesNotMatch</Code><StringToSign>s3cret</StringToSign></Error>',
      '403 Forbidden',
    ),
    'source_forbidden',
    /got 403 \(SignatureDoesNotMatch\)/,
  ],
  [
    'a 403 with a captcha',
    answer([], '<html><script src="/cdn-cgi/challenge-platform/x.js"></script></html>', '403 Forbidden'),
    'source_forbidden',
    /got 403 from a page with a captcha, which checks for robots/,
  ],
  [
    'a 403 with a field for a password',
    answer([], SIGN_IN, '403 Forbidden'),
    'source_forbidden',
    /got 403, which asks to sign in/,
  ],
  [
    'a 403 whose text breaks off',
    answer(['Content-Length: 900'], SIGN_IN.slice(0, 20), '403 Forbidden'),
    'source_forbidden',
    /got 403\. Next step/,
  ],
  [
    'a 403 whose text is broken',
    answer(['Transfer-Encoding: chunked'], 'zz', '403 Forbidden'),
    'source_forbidden',
    /got 403\. Next step/,
  ],
  ['a piece of a page', page('<b>No such clip</b>', 'text/html'), 'media_unreadable', /got a web page/],
];

describe('createWebDownloads, with odd answers', () => {
  let dir: TempDir;
  let files = 0;
  before(async () => {
    dir = await tempDir();
  });
  after(() => dir[Symbol.asyncDispose]());

  async function get(answerTo: (request: string) => Buffer, path = '/clip.mp4?key=s3cret') {
    const requests: string[] = [];
    await using server = await startRudeServer((request) => {
      requests.push(request);
      return [answerTo(request)];
    });
    const file = join(dir.path, `${files++}.bin`);
    try {
      return { requests, result: await download(server.url(path), file), bytes: await readFile(file) };
    } catch (error) {
      assert.equal(existsSync(file), false, 'a partial file was left');
      throw error;
    }
  }

  for (const [title, sent] of TAKEN) {
    it(`takes the file in spite of ${title}`, async () => {
      const { result, bytes } = await get(() => sent);
      assert.ok(bytes.equals(FILE), `${bytes.length} of ${N} bytes`);
      assert.ok(result.modified && result.bytes === N);
    });
  }

  /** FLV, WMV, ADTS, MPEG video and MP3 of several kinds, AMR, CAF, MXF, Matroska, an MPEG stream, AC-3, and noise. */
  const STARTS =
    'FLV\x01,0&\xb2\x75\x8e\x66\xcf\x11,\xff\xf9,\0\0\x01\xb3,\xff\xe3,\xff\xfa\x90,#!AMR,caff,\x06\x0e\x2b\x34,\x1aE\xdf\xa3,G,\x0bw,';
  it('takes any file in spite of a false Content-Encoding', async () => {
    // Always the same.
    const noise = createHash('shake256', { outputLength: 2_000 }).update('noise').digest();
    for (const start of STARTS.split(','))
      for (const coding of ['gzip', 'compress', 'deflate', 'br', 'zstd']) {
        const file = Buffer.concat([Buffer.from(start, 'latin1'), noise]);
        const { bytes } = await get(() => answer([TYPE, `Content-Encoding: ${coding}`], file));
        assert.ok(bytes.equals(file), `${coding} ${file.toString('hex', 0, 16)}`);
      }
  });

  for (const [title, sent, code, says] of REFUSED) {
    it(`says what it got instead of the file: ${title}`, async () => {
      const error = await failureOf(
        get(() => sent),
        code,
        says,
      );
      assert.doesNotMatch(error.message, /s3cret/);
    });
  }

  const to = (location: string, ...headers: string[]) =>
    answer([`Location: ${location}`, 'Content-Length: 0', ...headers], '', '302 Found');
  const cookiesIn = (request: string) => /^cookie: (.*)\r$/im.exec(request)?.[1] ?? '';

  it('follows the Location of status 300', async () => {
    const { bytes } = await get((request) =>
      request.startsWith('GET /clip')
        ? answer(['Location: /other'], '', '300 Multiple Choices')
        : answer([LENGTH]),
    );
    assert.ok(bytes.equals(FILE));
  });

  it('passes a wall that sets a cookie and redirects to itself', async () => {
    const { requests, bytes } = await get((request) =>
      cookiesIn(request) === 'k=1; l="a b"'
        ? answer([LENGTH])
        : to('/clip.mp4', 'Set-Cookie: k=1; Path=/; HttpOnly', 'Set-Cookie: l="a b"; Secure; Max-Age=60'),
    );
    assert.equal(requests.length, 2);
    assert.ok(bytes.equals(FILE));
  });

  it('forgets a cookie when it ends, and all of them after the download', async () => {
    const steps: Record<string, Buffer> = {
      '/clip.mp4': to('/two', 'Set-Cookie: a=1', 'Set-Cookie: b=2', 'Set-Cookie: c=3', 'Set-Cookie: d=4'),
      '/two': to(
        '/three',
        'Set-Cookie: a=; Max-Age=0',
        'Set-Cookie: b=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
        'Set-Cookie: c=5; Expires=Tue, 03 Nov 2099 10:00:00 GMT',
      ),
      '/three': answer([LENGTH]),
    };
    const answerTo = (request: string) => steps[/^GET ([^ ?]+)/.exec(request)?.[1] ?? ''] ?? answer([]);
    for (let n = 0; n < 2; n++) {
      const { requests } = await get(answerTo);
      assert.deepEqual(requests.map(cookiesIn), ['', 'a=1; b=2; c=3; d=4', 'c=5; d=4']);
    }
  });

  it('sends a cookie to no other origin, whatever its Domain says, and shows none', async () => {
    const seen: string[] = [];
    await using other = await startRudeServer((request) => {
      seen.push(request);
      return [answer(['Content-Length: 0'], '', '403 Forbidden')];
    });
    const error = await failureOf(
      get(() => to(other.url(), 'Set-Cookie: FedAuth=c00kie; Domain=127.0.0.1; Path=/')),
      'source_forbidden',
    );
    assert.equal(seen.length, 1);
    assert.doesNotMatch(seen.join(), /cookie/i);
    assert.doesNotMatch(JSON.stringify([error.message, String(error.stack)]), /FedAuth|c00kie/);
  });

  it('ends a circle of redirects that cookies do not open', async () => {
    let n = 0;
    await failureOf(
      get(() => to('/clip.mp4', `Set-Cookie: n=${n++}`)),
      'source_refused',
      /at most 5 redirects.+though the cookies that they set were sent back/,
    );
    assert.equal(n, 6);
  });

  for (const [status, body] of [
    ['200 OK', HTML],
    ['403 Forbidden', ''],
  ] as const) {
    it(`says that a file needs signing in, if its link leads to a sign-in that answers ${status}`, async () => {
      const signIn = answer([`Content-Length: ${body.length}`, 'Content-Type: text/html'], body, status);
      await failureOf(
        get((request) => (request.includes('/login') ? signIn : to('/auth/login?next=s3cret'))),
        'source_forbidden',
        /asks to sign in.+share the file with anyone who has the link/,
      );
    });
  }

  it('takes a file whose link passes a sign-in that needs none', async () => {
    const { bytes } = await get((request) =>
      request.startsWith('GET /clip')
        ? to('/login')
        : request.includes('/login')
          ? to('/file')
          : answer([LENGTH]),
    );
    assert.ok(bytes.equals(FILE));
  });
});
