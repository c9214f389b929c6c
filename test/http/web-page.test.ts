/** How the page for people is served: its frame, its modules and styles, each at an address of its build. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { createApi } from '../../functions/http/router.ts';
import { startTestApi, type TestApi } from '../fixtures/http/api.ts';

const KEY = 'a-key-of-sixteen-characters';
const BASE = 'http://127.0.0.1:8080';
const LASTING = 'public, max-age=31536000, immutable';

describe('the page for people', () => {
  let served: TestApi;
  let html: string;
  /** Paths of all files that the page names. */
  let files: string[];

  before(async () => {
    served = await startTestApi({ API_KEY: KEY });
    html = await (await get('/')).text();
    files = [...html.matchAll(/(?:src|href)="(app\/[^"]+)"/g)].map(([, path]) => `/${path}`);
  });
  after(() => served?.[Symbol.asyncDispose]());

  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    // The description has one of the two forms of the addresses of files.
    const api = path.startsWith('/app/') ? createApi(served.deps) : served.api;
    return api(new Request(`${BASE}${path}`, { method, headers }));
  };
  const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
  const typed = (end: string) => files.filter((path) => path.endsWith(end));

  test('needs no key, nor do its files, though tasks do', async () => {
    assert.equal((await get('/')).status, 200);
    assert.ok(files.length > 20, `${files.length} files`);
    for (const path of files) assert.equal((await get(path)).status, 200, path);
    assert.equal((await get('/tasks')).status, 401);
  });

  test('has a policy by which nothing runs and nothing is loaded but what this service serves', async () => {
    const [, importMap = ''] = /<script type="importmap">(.*?)<\/script>/.exec(html) ?? [];
    const hash = createHash('sha256').update(importMap).digest('base64');
    assert.deepEqual((await get('/')).headers.get('content-security-policy')?.split('; '), [
      "default-src 'none'",
      `script-src 'self' 'sha256-${hash}'`,
      "style-src 'self'",
      "img-src 'self' data: blob:",
      "media-src 'self' blob:",
      "font-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    assert.doesNotMatch(html, /style=|<style|\son\w+=|https?:|unsafe/);
    // The import map, and the module that everything begins with.
    assert.equal(html.match(/<script/g)?.length, 2);
    assert.match(html, /<script type="module" src="app\/[\w-]+\/web\/main\.ts"><\/script>/);
  });

  test('names each module that its modules import, so that browsers load all of them at once', async () => {
    const named = new Set(files);
    for (const path of [...typed('.ts'), ...typed('.mjs')]) {
      const text = await (await get(path)).text();
      for (const [, specifier = ''] of text.matchAll(/(?:^|[;\s}])(?:from|import)\s*['"](\.[^'"]+)['"]/g)) {
        assert.ok(named.has(new URL(specifier, `${BASE}${path}`).pathname), `${path} imports ${specifier}`);
      }
      assert.doesNotMatch(text, /^(export )?(interface|type) \w+/m, `${path} has types`);
    }
  });

  test('says what each file is', async () => {
    const types = new Map<string, string | null>();
    for (const path of files) {
      types.set(path.replace(/^.*\./, ''), (await get(path)).headers.get('content-type'));
    }
    assert.deepEqual(Object.fromEntries(types), {
      svg: 'image/svg+xml',
      css: 'text/css; charset=utf-8',
      mjs: 'text/javascript; charset=utf-8',
      ts: 'text/javascript; charset=utf-8',
    });
    const [style = ''] = typed('.css');
    const font = new URL('../../fonts/Montserrat-ExtraBold.ttf', `${BASE}${style}`).pathname;
    const answer = await get(font);
    assert.deepEqual([answer.status, answer.headers.get('content-type')], [200, 'font/ttf']);
  });

  test('is asked for each time, and its files never again: their address changes with the build', async () => {
    const first = await get('/');
    assert.equal(first.headers.get('cache-control'), 'no-cache');
    const etag = String(first.headers.get('etag'));
    const again = await get('/', { 'if-none-match': etag });
    assert.deepEqual([again.status, await again.text()], [304, '']);
    assert.equal((await get('/', { 'if-none-match': '"other"' })).status, 200);
    const builds = new Set(files.map((path) => path.split('/')[2]));
    assert.equal(builds.size, 1);
    for (const path of files) {
      const { headers } = await get(path);
      assert.equal(headers.get('cache-control'), LASTING, path);
      assert.equal((await get(path, { 'if-none-match': String(headers.get('etag')) })).status, 304, path);
    }
  });

  test('is compressed for those who take it', async () => {
    let bytes = 0;
    for (const path of ['/', ...files]) {
      const [plain, gzipped] = [await get(path), await get(path, { 'accept-encoding': 'gzip, br' })];
      assert.deepEqual(
        [plain, gzipped].map(({ headers }) => headers.get('content-encoding')),
        [null, 'gzip'],
      );
      assert.notEqual(plain.headers.get('etag'), gzipped.headers.get('etag'));
      assert.equal(plain.headers.get('vary'), 'Accept-Encoding');
      const sent = await bytesOf(gzipped);
      bytes += sent.length;
      assert.deepEqual(gunzipSync(sent), await bytesOf(plain), path);
    }
    assert.ok(bytes < 250_000, `${bytes} bytes in all`);
  });

  test('answers HEAD without a body, also for its files', async () => {
    for (const path of ['/', ...files.slice(-1)]) {
      const [asked, head] = [await get(path), await get(path, {}, 'HEAD')];
      assert.deepEqual([head.status, await head.text()], [200, '']);
      assert.equal(head.headers.get('etag'), asked.headers.get('etag'));
      assert.equal(head.headers.get('content-length'), String((await bytesOf(asked)).length));
    }
  });

  test('loads whole, however few requests an address may send, and leaves these alone', async () => {
    await using limited = await startTestApi({ API_KEY: KEY, REQUESTS_PER_MINUTE: '2' });
    const api = createApi(limited.deps);
    const statusOf = async (path: string) => (await api(new Request(`${BASE}${path}`))).status;
    assert.equal(await statusOf('/'), 200);
    for (const path of files) assert.equal(await statusOf(path), 200, path);
    assert.equal(await statusOf('/'), 200);
    assert.equal(await statusOf('/'), 429);
    let loaded = 0;
    while (loaded < 3_000 && (await statusOf(files[0] as string)) === 200) loaded += 1;
    assert.ok(loaded > 1_000 && loaded < 3_000, `${loaded} files`);
  });

  test('opens from links to which programs of mail or chat have added something', async () => {
    const api = createApi(served.deps);
    const ask = (path: string, headers: Record<string, string> = {}) =>
      api(new Request(`${BASE}${path}`, { headers }));
    for (const path of ['/', files[0] as string]) {
      const plain = await ask(path);
      for (const query of ['?', '?fbclid=abc', '?utm_source=a&utm_source=b', '?%ff=%00', '?access=no']) {
        const answer = await ask(`${path}${query}`);
        assert.deepEqual([answer.status, await answer.text()], [200, await plain.clone().text()], query);
      }
    }
    for (const path of ['/tasks', '/docs', '/openapi.json', '/health'])
      assert.equal((await ask(`${path}?fbclid=abc`, { 'x-api-key': KEY })).status, 422, path);
  });

  test('has one address, and each of its files, too', async () => {
    const key = { 'x-api-key': KEY };
    const statusOf = async (method: string, path: string) =>
      (await createApi(served.deps)(new Request(`${BASE}${path}`, { method, headers: key }))).status;
    for (const method of ['GET', 'HEAD']) {
      // Tasks are posted there.
      for (const path of ['//', '///']) assert.equal(await statusOf(method, path), 405, `${method} ${path}`);
      for (const path of files) assert.equal(await statusOf(method, `${path}/`), 404, `${method} ${path}/`);
      assert.equal(await statusOf(method, '/tasks/'), 200, method);
    }
    assert.equal(await statusOf('POST', '//'), 415);
  });

  test('has no file of another build, no other file, and none outside of the page', async () => {
    const build = String(files[0]?.split('/')[2]);
    for (const path of [
      '/app/another-build/web/main.ts',
      `/app/${build}/web/nothing.ts`,
      `/app/${build}/web/tsconfig.json`,
      `/app/${build}/http/router.ts`,
      `/app/${build}/libraries/package.json`,
      `/app/${build}/web/..%2fhttp%2frouter.ts`,
      `/app/${build}/web/%2e%2e%2f%2e%2e%2fpackage.json`,
      `/app/${build}/fonts/..%2f..%2fmedia%2fchild.ts`,
      `/app/${build}/constructor/prototype`,
      `/app/${build}/web/main.ts%00.css`,
    ]) {
      const answer = await get(path);
      const { code, hint } = (await answer.json()) as { code: string; hint: string };
      assert.deepEqual([answer.status, code], [404, 'not_found'], path);
      if (path.includes('another-build')) assert.equal(hint, 'Load the page again.');
    }
    assert.equal((await get(`/app/${build}/web/main.ts`, { 'x-api-key': KEY }, 'POST')).status, 405);
  });
});
