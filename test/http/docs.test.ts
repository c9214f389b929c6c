import assert from 'node:assert/strict';
import { after, before, describe, mock, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { VERSION } from '../../functions/base/version.ts';
import { ASSETS } from '../../functions/http/docs.ts';
import { startTestApi, type TestApi } from '../fixtures/http/api.ts';

const BASE = 'http://127.0.0.1:8080';
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PATHS = ['/openapi.json', '/docs', ...ASSETS.map((name) => `/docs/${name}`)];

describe('the description and the page that shows it', () => {
  let served: TestApi;

  before(async () => {
    served = await startTestApi({ API_KEY: 'a-key-of-sixteen-characters' });
  });
  after(() => served?.[Symbol.asyncDispose]());

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    served.api(new Request(`${BASE}${path}`, { method, headers }));
  const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());

  test('need no key, though tasks do', async () => {
    for (const path of PATHS) assert.equal((await get(path)).status, 200, path);
    assert.equal((await get('/tasks/a')).status, 401);
    const { info } = (await (await get('/openapi.json')).json()) as { info: { version: string } };
    assert.equal(info.version, VERSION);
  });

  test('let a browser run and load only what this service serves', async () => {
    for (const path of PATHS) assert.equal((await get(path)).headers.get('content-security-policy'), POLICY);
    const html = await (await get('/docs')).text();
    assert.doesNotMatch(html, /style=|<style|<script>|\son\w+=|https?:/);
    assert.equal(html.match(/<script src="[\w./-]+"><\/script>/g)?.length, html.match(/<script/g)?.length);
  });

  for (const path of ['/docs', '/docs/']) {
    test(`have links that lead to files at ${path}`, async () => {
      const html = await (await get(path)).text();
      const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
        ([, link]) => new URL(String(link), `${BASE}${path}`).pathname,
      );
      assert.deepEqual(links.sort(), ASSETS.map((name) => `/docs/${name}`).sort());
    });
  }

  test('say what they are', async () => {
    const types = await Promise.all(PATHS.map(async (path) => (await get(path)).headers.get('content-type')));
    assert.deepEqual(types, [
      'application/json',
      'text/html; charset=utf-8',
      'text/javascript; charset=utf-8',
      'text/css; charset=utf-8',
      'text/javascript; charset=utf-8',
      'text/css; charset=utf-8',
      'image/png',
    ]);
  });

  test('are sent once: a browser asks whether its copy is still the one', async () => {
    for (const path of PATHS) {
      const first = await get(path);
      const etag = String(first.headers.get('etag'));
      assert.equal(first.headers.get('cache-control'), 'no-cache');
      const again = await get(path, { 'if-none-match': `"other", W/${etag}` });
      assert.deepEqual([again.status, again.headers.get('etag'), await again.text()], [304, etag, '']);
      assert.equal((await get(path, { 'if-none-match': '"other"' })).status, 200);
    }
  });

  test('are compressed for those who take it: no answer is above 1 MB then', async () => {
    for (const path of PATHS) {
      const [plain, gzipped] = [await get(path), await get(path, { 'accept-encoding': 'br, gzip' })];
      assert.deepEqual(
        [plain, gzipped].map(({ headers }) => headers.get('content-encoding')),
        [null, 'gzip'],
      );
      assert.notEqual(plain.headers.get('etag'), gzipped.headers.get('etag'));
      assert.equal(plain.headers.get('vary'), 'Accept-Encoding');
      const bytes = await bytesOf(gzipped);
      assert.ok(bytes.length < 2 ** 20, `${path}: ${bytes.length} bytes`);
      assert.deepEqual(gunzipSync(bytes), await bytesOf(plain));
    }
    const refused = await get('/docs', { 'accept-encoding': 'gzip;q=0' });
    assert.equal(refused.headers.get('content-encoding'), null);
  });

  test('are made once, and name the service as each caller reaches it', async () => {
    const serversAt = async (base: string) => {
      const answer = await served.api(new Request(`${base}/openapi.json`));
      return ((await answer.json()) as { servers: unknown }).servers;
    };
    const stringified = mock.method(JSON, 'stringify');
    for (const base of [BASE, 'http://localhost:8080', BASE]) {
      assert.deepEqual(await serversAt(base), [{ url: base }]);
    }
    const made = stringified.mock.calls.filter(
      ({ arguments: [value] }) => Object(value).openapi !== undefined,
    );
    stringified.mock.restore();
    assert.ok(made.length <= 2, `${made.length} times`);
  });

  test('answer HEAD without a body', async () => {
    const head = await get('/docs/swagger-ui.css', {}, 'HEAD');
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  test('have no other files', async () => {
    for (const name of [
      'package.json',
      'index.html',
      '..%2fdocs.ts',
      '%2e%2e%2fdocs.ts',
      'swagger-ui-bundle.js.map',
      'constructor',
    ])
      assert.equal((await get(`/docs/${name}`)).status, 404, name);
  });
});
