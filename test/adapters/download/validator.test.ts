import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { isSame, validatorOf } from '../../../functions/adapters/download/validator.ts';
import { download, failureOf } from '../../fixtures/network/downloading.ts';
import { startRudeServer } from '../../fixtures/network/rude-server.ts';
import { tempDir } from '../../fixtures/system/temp-dir.ts';

const DATE = 'Mon, 02 Nov 2026 10:00:00 GMT';
const HOUR_BEFORE = 'Mon, 02 Nov 2026 09:00:00 GMT';
const FIRST_OF_UNIX = 'Thu, 01 Jan 1970 00:00:01 GMT';
const headers = (more: Record<string, string>) => ({ date: DATE, 'content-length': '4', ...more });
const old = { 'last-modified': HOUR_BEFORE };

describe('validatorOf', () => {
  it('keeps a strong ETag, or a date and the length, which together may show that nothing changed', () => {
    assert.deepEqual(validatorOf(headers({ etag: '"v1"', ...old })), { etag: '"v1"', bytes: 4 });
    assert.deepEqual(validatorOf(headers(old)), { lastModified: HOUR_BEFORE, bytes: 4 });
    assert.deepEqual(validatorOf(headers({ etag: 'W/"v1"', ...old })), {
      etag: 'W/"v1"',
      lastModified: HOUR_BEFORE,
      bytes: 4,
    });
  });

  for (const [title, more] of [
    ['a weak ETag alone', { etag: 'W/"v1"' }],
    ['a date of the same second', { 'last-modified': DATE }],
    ['a date within a minute of the answer', { 'last-modified': 'Mon, 02 Nov 2026 09:59:01 GMT' }],
    ['a date after the answer', { 'last-modified': 'Mon, 02 Nov 2026 11:00:00 GMT' }],
    ['a date that is none', { 'last-modified': '0' }],
    ['a date in an answer without its own', { ...old, date: '' }],
    ['a date without a length', { ...old, 'content-length': '' }],
    ['a date with a length that its chunks override', { ...old, 'transfer-encoding': 'chunked' }],
    ['an ETag made of a time that is too new', { etag: '"6906f0a0-4d2"', 'last-modified': DATE }],
    ['an ETag made of an unknown time', { etag: '"4d2-642a1c3f5b2c0"' }],
    ['an ETag with the number of a file, and an unknown time', { etag: '"2c0a1f-4d2-642a1c3f5b2c0"' }],
    ['an ETag that is a number, and no date', { etag: '"3141592653589793238"' }],
    ...['"t4pk8uhy"', '"3141592653589793238"', '"18a3f0c2d1e4b5a6-4d2"', '"v1"', '"80ab7e1a5c1bd61:0"'].map(
      (etag) => [`the ETag ${etag} of a file that is too new`, { etag, 'last-modified': DATE }] as const,
    ),
    [
      'a long ETag of a file that is too new',
      { etag: '"2c0a1f5e3d-4d2f1a2b-642a1c3f5b2c0"', 'last-modified': DATE },
    ],
  ] as const) {
    it(`keeps nothing of ${title}`, () => assert.equal(validatorOf(headers(more)), null));
  }

  it('trusts an ETag made of the content, however new the file is', () => {
    for (const etag of [
      '"d41d8cd98f00b204e9800998ecf8427e"',
      '"D41D8CD98F00B204E9800998ECF8427E"',
      '"d41d8cd98f00b204e9800998ecf8427e-38"',
      '"da39a3ee5e6b4b0d3255bfef95601890afd80709"',
      '"1B2M2Y8AsgTpgAmY7PhCfg=="',
      '"4d2-2jmj7l5rSw0yVb/vlWAYkK/YBwk"',
    ]) {
      assert.deepEqual(validatorOf(headers({ etag, 'last-modified': DATE })), { etag, bytes: 4 });
    }
  });
});

describe('isSame', () => {
  it('wants the same date and the same length of a whole file', () => {
    const known = { lastModified: HOUR_BEFORE, bytes: 4 };
    assert.ok(isSame(known, 200, headers(old)));
    assert.ok(!isSame(known, 203, headers(old)));
    assert.ok(!isSame(known, 200, headers({ ...old, 'content-length': '5' })));
    assert.ok(!isSame(known, 200, headers({ 'last-modified': 'Mon, 02 Nov 2026 08:00:00 GMT' })));
    assert.ok(!isSame({ ...known, etag: 'W/"1"' }, 200, headers({ ...old, etag: 'W/"2"' })));
  });

  it('has the bytes decide where a server repeats a strong ETag with the whole file', () => {
    assert.ok(!isSame({ etag: '"v1"', bytes: 4 }, 200, headers({ etag: '"v1"', ...old })));
  });

  it('believes no "not modified" that nobody asked for, or that names another ETag or length', () => {
    const known = { etag: '"v1"', bytes: 4 };
    assert.ok(isSame(known, 304, {}));
    assert.ok(isSame(known, 304, { etag: '"v1"', 'content-length': '0' }));
    assert.ok(!isSame(known, 304, { etag: '"v2"' }));
    assert.ok(!isSame(known, 304, { etag: '"v1"', 'content-length': '5' }));
    assert.ok(!isSame({ lastModified: HOUR_BEFORE, bytes: 4 }, 304, old));
    assert.ok(!isSame({ lastModified: HOUR_BEFORE, bytes: 4, etag: 'W/"1"' }, 304, { etag: 'W/"1"' }));
  });
});

describe('createWebDownloads, for a URL whose file is known', () => {
  const whole = (body: string, ...more: string[]) =>
    ['HTTP/1.1 200 OK', `Date: ${DATE}`, `Content-Length: ${body.length}`, ...more, '', body].join('\r\n');

  /** Downloads twice under one URL, the second time with the validator of the first. */
  async function twice(first: string, second: (request: string) => string) {
    await using dir = await tempDir();
    const requests: string[] = [];
    await using server = await startRudeServer((request) => {
      requests.push(request);
      return [requests.length === 1 ? first : second(request)];
    });
    const file = join(dir.path, 'clip');
    const known = await download(server.url(), file);
    assert.ok(known.modified);
    const again = join(dir.path, 'again');
    const result = await download(server.url(), again, known.validator ? { validator: known.validator } : {});
    return { requests, result, bytes: existsSync(again) ? await readFile(again, 'utf8') : undefined };
  }

  const dated = (date: string) => `Last-Modified: ${date}`;

  for (const [title, first, second] of [
    ['an older date', dated(HOUR_BEFORE), dated('Sun, 01 Nov 2026 10:00:00 GMT')],
    ['the date of all files of its server', dated(FIRST_OF_UNIX), dated(FIRST_OF_UNIX)],
    ['the same second', dated(DATE), dated(DATE)],
    [
      'the same date within a minute of the answer',
      dated('Mon, 02 Nov 2026 09:59:30 GMT'),
      dated('Mon, 02 Nov 2026 09:59:30 GMT'),
    ],
  ] as const) {
    it(`takes a second file of the same length with ${title}`, async () => {
      const { requests, bytes } = await twice(whole('take1', first), () => whole('take2', second));
      assert.equal(bytes, 'take2');
      assert.doesNotMatch(requests.join(), /if-/i);
    });
  }

  it('takes a second file of another length with the same date', async () => {
    const { bytes } = await twice(whole('take1', dated(HOUR_BEFORE)), () =>
      whole('take 2', dated(HOUR_BEFORE)),
    );
    assert.equal(bytes, 'take 2');
  });

  it('asks without a condition, and reads no body, if only date and length show that it is the same file', async () => {
    const same = whole('take1', dated(HOUR_BEFORE));
    const { requests, result } = await twice(same, () => same);
    assert.deepEqual(result, { modified: false });
    assert.doesNotMatch(requests[1] ?? '', /if-/i);
  });

  it('asks with a strong ETag alone', async () => {
    const { requests, result } = await twice(
      whole('take1', 'ETag: "v1"', dated(HOUR_BEFORE)),
      () => 'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\n\r\n',
    );
    assert.deepEqual(result, { modified: false });
    assert.match(requests[1] ?? '', /if-none-match: "v1"/i);
    assert.doesNotMatch(requests[1] ?? '', /if-modified-since/i);
  });

  it('asks again without the ETag if "not modified" belongs to another file', async () => {
    const { requests, bytes } = await twice(whole('take1', 'ETag: "v1"'), (request) =>
      /if-none-match/i.test(request)
        ? 'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\ncontent-length: 6\r\n\r\n'
        : whole('take 2', 'ETag: "v1"'),
    );
    assert.equal(bytes, 'take 2');
    assert.equal(requests.length, 3);
  });

  it('refuses a server that answers every request with "not modified"', async () => {
    const never = () => 'HTTP/1.1 304 Not Modified\r\n\r\n';
    await failureOf(twice(whole('take1', dated(HOUR_BEFORE)), never), 'source_refused', /got status 304/);
  });
});
