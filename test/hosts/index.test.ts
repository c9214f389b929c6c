import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { getFunction } from '@google-cloud/functions-framework/testing';
import { FUNCTION_NAMES, type FunctionName } from '../../functions/hosts/cloud.ts';
import { MAX_BODY_BYTES } from '../../functions/http/json-body.ts';
import { type Answer, type Served, serveFunctions } from '../fixtures/hosts/framework.ts';
import { HEADERS } from '../fixtures/hosts/security-headers.ts';
import { askWhere, send } from '../fixtures/hosts/sending.ts';
import { SIGNING_KEY } from '../fixtures/system/seal.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TOO_LARGE = JSON.stringify('x'.repeat(MAX_BODY_BYTES));
const FAR_TOO_LARGE = JSON.stringify('x'.repeat(20 * MAX_BODY_BYTES));

const FILM = Buffer.alloc(5 * 2 ** 20, 'film');

const chunked = (body: string | Buffer) => Readable.from([Buffer.from(body)]);
const typed = (type: string) => ({ 'content-type': type });

type Refused = readonly [
  what: string,
  status: number,
  body: string | Buffer,
  headers?: Record<string, string>,
];
const REFUSED: readonly Refused[] = [
  ['JSON that ends too early', 400, '{"task_name": '],
  ['JSON of bytes that are not UTF-8', 400, Buffer.from([0x22, 0xff, 0x22])],
  ['an empty body', 400, ''],
  ['a broken event', 400, '{', typed('application/cloudevents+json')],
  ['an unknown charset', 415, '{}', typed('application/json; charset=klingon')],
  ['a compressed body', 415, gzipSync('{}'), { 'content-encoding': 'gzip' }],
  ['a body that does not match its Content-Encoding', 415, '{}', { 'content-encoding': 'br' }],
  ['text', 415, '{}', typed('text/plain')],
  ['a form', 415, 'a=b', typed('application/x-www-form-urlencoded')],
  ['a film', 415, FAR_TOO_LARGE, typed('video/mp4')],
  ['a bare number', 422, '5'],
  ['null', 422, 'null'],
];

const pushOf = (message: object) =>
  JSON.stringify({ message: { messageId: '77', ...message }, subscription: 's' });
const carrying = (content: object) =>
  pushOf({ data: Buffer.from(JSON.stringify({ taskId: 'a', ...content })).toString('base64') });
const MALFORMED: readonly (readonly [what: string, body: string])[] = [
  ['an empty body', ''],
  ['broken JSON', '{"message": {'],
  ['null', 'null'],
  ['a number', '5'],
  ['no message', '{"subscription": "s"}'],
  ['attributes only', pushOf({ attributes: { a: 'b' } })],
  ['data that is not JSON', pushOf({ data: '!' })],
  ['data of an unknown topic', carrying({ topic: 'other', index: 1 })],
  ['a body over 256 KB', carrying({ topic: 'render', index: 1, more: TOO_LARGE })],
];
/** Messages that each push function cannot handle, although they are valid or nearly valid. */
const OF_ANOTHER: Partial<Record<FunctionName, object>> = {
  prepare: { topic: 'render', index: 1 },
  render: { topic: 'prepare', source: 1 },
  complete: { topic: 'render', index: 1 },
  webhook: { topic: 'complete' },
  deadLetter: { topic: 'dead-letter', message: { topic: 'dead-letter', taskId: 'a' } },
};

describe('under the framework', () => {
  let dir: TempDir;
  let served: Served;

  before(async () => {
    dir = await tempDir();
    served = await serveFunctions(dir.path, { SIGNING_KEY });
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await dir[Symbol.asyncDispose]();
  });

  function problem({ status, headers, text }: Answer, expected: number): Record<string, unknown> {
    assert.equal(status, expected, text);
    assert.equal(headers['content-type'], 'application/problem+json');
    assert.doesNotMatch(text, /\\n|\n\s*at |node_modules|node:|\.[cm]?[jt]s\b/, 'no stack');
    assert.ok(!text.includes(ROOT) && !text.includes(dir.path), 'no path');
    const body = JSON.parse(text) as Record<string, unknown>;
    assert.equal(body['status'], expected);
    return body;
  }

  test('every function is registered by its name', () => {
    for (const name of FUNCTION_NAMES) assert.equal(typeof getFunction(name), 'function', name);
  });

  for (const [what, status, body, headers = {}] of REFUSED) {
    test(`processMedia refuses ${what} with a problem, and answers the next request`, () =>
      served.connected('processMedia', async (ask) => {
        for (const sent of [body, chunked(body)]) {
          problem(await ask({ body: sent, headers }), status);
          assert.equal(problem(await ask({ body: '{}' }), 422)['code'], 'invalid_request');
        }
      }));
  }

  test('processMedia refuses a body over 256 KB, however large, and answers other requests', async () => {
    for (const body of [TOO_LARGE, chunked(TOO_LARGE), FAR_TOO_LARGE, chunked(FAR_TOO_LARGE)]) {
      await served.connected('processMedia', async (ask) => void problem(await ask({ body }), 413));
      await served.connected('processMedia', async (ask) => void problem(await ask({ body: '{}' }), 422));
    }
  });

  test('requests are answered even after 5 MB on the same connection', async () => {
    const after5MB = (name: FunctionName, status: number) =>
      served.connected(name, async (ask) => {
        assert.equal((await ask({ body: FAR_TOO_LARGE })).status, status);
        problem(await ask({ method: 'PUT', path: '/tasks/1' }), 405);
      });
    await Promise.all([after5MB('processMedia', 413), after5MB('render', 204)]);
  });

  test('processMedia says that it is there, and that no store answers, without a key', () =>
    served.connected('processMedia', async (ask) => {
      for (const path of ['/healthz', '/health']) {
        const { status, text } = await ask({ method: 'GET', path, body: '' });
        assert.equal(status, 200);
        assert.match(text, /^\{"status":"ok","version":"\d+\.\d+\.\d+"\}$/);
      }
      const began = performance.now();
      const asked = await Promise.all(
        ['/readyz', '/ready'].map((path) => ask({ method: 'GET', path, body: '' })),
      );
      for (const { status, text } of asked) {
        assert.equal(status, 503);
        const { checks } = JSON.parse(text) as { checks: Record<string, { status: string }> };
        assert.deepEqual(Object.keys(checks), ['store'], 'nothing that only one machine has');
        assert.equal(checks['store']?.status, 'failed');
        assert.ok(performance.now() - began < 10_000);
      }
    }));

  test('processMedia answers a dry run without any store', () =>
    served.connected('processMedia', async (ask) => {
      const clips = ['https://h/1.mp4', 'https://h/2.mp4'];
      const request = JSON.stringify({ task_name: 'sale', video_blocks: { a: clips }, dry_run: true });
      for (const body of [request, chunked(request)]) {
        const { status, text } = await ask({ body, path: '/process_media' });
        assert.equal(status, 200, text);
        const { combinations, renders } = JSON.parse(text) as { combinations: number; renders: unknown[] };
        assert.deepEqual([combinations, renders.length], [2, 2]);
      }
    }));

  test('processMedia takes an upload of any size, whether its length is announced or not', async () => {
    const base = `http://127.0.0.1:${served.port('processMedia')}`;
    const upload = await askWhere(base, { bytes: FILM.length });
    const { pathname, search } = new URL(upload.upload_url);
    const put = (body: Buffer | Readable) =>
      served.connected('processMedia', async (ask) => {
        const headers = upload.headers as Record<string, string>;
        const { status, text } = await ask({ method: 'PUT', path: `${pathname}${search}`, headers, body });
        assert.equal(status, 204, text);
      });
    for (const body of [FILM, chunked(FILM)]) await put(body);
    const [id = ''] = readdirSync(join(dir.path, 'uploads'));
    assert.equal(`upload:${id}`, upload.url);
    assert.ok(FILM.equals(readFileSync(join(dir.path, 'uploads', id))));
    const short = await send(upload, FILM.subarray(1));
    assert.deepEqual([short.status, short.body['code']], [422, 'upload_mismatch']);
  });

  test('processMedia describes itself, and serves the page that shows it', () =>
    served.connected('processMedia', async (ask) => {
      const policy = /^default-src 'none'; script-src 'self'; style-src 'self';/;
      for (const path of ['/openapi.json', '/docs', '/docs/swagger-ui.css', '/docs/start.js']) {
        const { status, headers } = await ask({ method: 'GET', path });
        assert.equal(status, 200, path);
        assert.match(String(headers['content-security-policy']), policy);
      }
      const { text } = await ask({ method: 'GET', path: '/openapi.json' });
      const { servers } = JSON.parse(text) as { servers: unknown };
      assert.deepEqual(servers, [{ url: `http://127.0.0.1:${served.port('processMedia')}` }]);
    }));

  for (const [name, message] of Object.entries(OF_ANOTHER) as [FunctionName, object][]) {
    test(`${name} acknowledges messages that it can never handle`, async () => {
      for (const [what, body] of [...MALFORMED, ['a message of another', carrying(message)] as const]) {
        await served.connected(name, async (ask) => {
          const { status, text } = await ask({ body });
          assert.deepEqual([status, text], [204, ''], what);
        });
      }
    });
  }

  test('every response of every function has the headers, even if the framework sends it', async () => {
    const asked: readonly [path: string, body: string, status: number][] = [
      ['/tasks/1/cancel/all', '', 404],
      ['/favicon.ico', '', 404],
      ['/robots.txt', '', 404],
      ['/process_media', '{', 400],
    ];
    for (const name of FUNCTION_NAMES) {
      await served.connected(name, async (ask) => {
        for (const [path, body, status] of asked) {
          const answer = await ask({ path, body });
          if (name === 'processMedia' || path.endsWith('.ico')) assert.equal(answer.status, status, path);
          assert.deepEqual({ ...answer.headers, ...HEADERS }, answer.headers, `${name} ${path}`);
          assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/, `${name} ${path}`);
          const named = await ask({ path, body, headers: { 'x-request-id': 'mine-1' } });
          assert.equal(named.headers['x-request-id'], 'mine-1', `${name} ${path}`);
          assert.equal(answer.headers['x-powered-by'], undefined);
          assert.equal(
            answer.headers['strict-transport-security'],
            undefined,
            'the request was not sent over TLS',
          );
        }
      });
    }
  });

  test('a path that cannot be decoded is a 404 without a stack', () =>
    served.connected('processMedia', async (ask) => {
      for (const path of ['/%', '/%ff', '/%zz/renders?status=%']) {
        const answer = await ask({ method: 'GET', path });
        assert.equal(problem(answer, 404)['code'], 'not_found', path);
        assert.deepEqual({ ...answer.headers, ...HEADERS }, answer.headers);
      }
    }));

  test('a path of 15,800 characters is refused at once, whatever they are', () =>
    served.connected('processMedia', async (ask) => {
      for (const piece of ['/', '/a', '%', '%41', '//x', '?', '&a[]=', ';']) {
        const cpu = process.threadCpuUsage();
        const path = `/${piece.repeat(15_800 / piece.length)}x`;
        const answer = await ask({ method: 'GET', path });
        const { user } = process.threadCpuUsage(cpu);
        assert.equal(problem(answer, 414)['code'], 'address_too_long', piece);
        assert.ok(user / 1000 < 150, `${user / 1000} ms for ${piece}`);
      }
    }));

  test('no function tells a page of another site what it may send', async () => {
    for (const name of FUNCTION_NAMES) {
      await served.connected(name, async (ask) => {
        const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
        const answer = await ask({ method: 'OPTIONS', path: '/process_media', headers });
        problem(answer, 405);
        assert.deepEqual(
          Object.keys(answer.headers).filter((header) => header.startsWith('access-control')),
          [],
        );
      });
    }
  });

  for (const name of FUNCTION_NAMES.filter((other) => other !== 'processMedia')) {
    test(`${name} requires a token before it reads a body`, () =>
      served.connected(name, async (ask) => {
        for (const [what, body] of MALFORMED) {
          const answer = await ask({ body, signed: false });
          assert.equal(problem(answer, 401)['code'], 'push_unauthenticated', what);
          assert.equal(answer.headers['www-authenticate'], 'Bearer');
        }
      }));

    test(`${name} accepts only POST`, () =>
      served.connected(name, async (ask) => {
        for (const method of ['GET', 'PUT'] as const) {
          const answer = await ask({ method });
          assert.equal(problem(answer, 405)['code'], 'method_not_allowed');
          assert.equal(answer.headers['allow'], 'POST');
        }
      }));
  }
});
