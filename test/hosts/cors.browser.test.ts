/** What a page of another origin can do with the service, in a real browser. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type Json, startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
const NO_TASK = '/tasks/00000000-0000-4000-8000-000000000000';
const DRY_RUN = { task_name: 'a', video_blocks: { a: ['https://h/1.mp4'] }, dry_run: true };

interface Init {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

interface Seen {
  status: number;
  body: unknown;
  requestId: string | null;
  rateLimit: string | null;
}

describe('a page in Chromium', IN_CHROMIUM, () => {
  let dir: TempDir;
  let page: Page;
  let origin: string;
  const open = new AsyncDisposableStack();
  const start = (name: string, env: Record<string, string>): Promise<TestHost> =>
    startTestHost(join(dir.path, name), { API_KEY: KEY, REQUESTS_PER_MINUTE: '100', ...env });

  before(async () => {
    dir = open.use(await tempDir());
    const pages = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Another site</title>');
    });
    await new Promise<void>((listening) => pages.listen(0, '127.0.0.1', listening));
    open.defer(() => {
      pages.close();
      pages.closeAllConnections();
    });
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    ({ page } = open.use(await startBrowser()));
    await page.goto(origin);
  });
  after(() => open.disposeAsync());

  /** Sends the request from the page. Undefined: the browser did not let the page read the answer. */
  function ask(url: string, init: Init): Promise<Seen | undefined> {
    return page.evaluate(
      async ([to, options]) => {
        try {
          const answer = await fetch(to, options);
          return {
            status: answer.status,
            body: await answer.json(),
            requestId: answer.headers.get('x-request-id'),
            rateLimit: answer.headers.get('ratelimit'),
          };
        } catch {
          return undefined;
        }
      },
      [url, init] as [string, Init],
    );
  }
  const told = (seen: Seen | undefined) => seen?.body as Json;
  const posted = {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': KEY, 'x-request-id': 'from-the-page' },
    body: JSON.stringify(DRY_RUN),
  };

  test('of a listed origin posts with the key and reads answers, errors and their headers', async () => {
    await using host = await start('listed', { CORS_ORIGINS: `https://studio.example, ${origin}` });
    const planned = await ask(`${host.url}/process_media`, posted);
    assert.equal(planned?.status, 200);
    assert.equal(told(planned)['dry_run'], true);
    assert.equal(planned?.requestId, 'from-the-page');
    assert.match(String(planned?.rateLimit), /^"default";r=\d+;t=1$/);
    const refused = await ask(`${host.url}${NO_TASK}`, {});
    assert.deepEqual([refused?.status, told(refused)['code']], [401, 'unauthorized']);
    const missing = await ask(`${host.url}${NO_TASK}`, { headers: { 'x-api-key': KEY } });
    assert.deepEqual([missing?.status, told(missing)['code']], [404, 'not_found']);
    const method = await ask(`${host.url}/process_media`, { ...posted, method: 'PUT' });
    assert.equal(method?.status, 405);
  });

  test('of any other origin reads nothing, with the key or without', async () => {
    await using host = await start('other', { CORS_ORIGINS: 'https://studio.example' });
    assert.equal(await ask(`${host.url}/process_media`, posted), undefined);
    assert.equal(await ask(`${host.url}${NO_TASK}`, {}), undefined);
    assert.equal(await ask(`${host.url}/healthz`, {}), undefined);
    const codes = host.logged('request.refused').map(({ code }) => code);
    assert.deepEqual(codes, ['unauthorized', 'cross_site', 'cross_site'], 'the first one is a preflight');
  });
});
