/** Swagger UI at /docs, as a person uses it in a browser. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { until } from '../contracts/harness.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const KEY = 'a-key-of-sixteen-characters';
const ENDED_MS = 120_000;

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'the page of the interface');

describe('the page /docs', { skip }, () => {
  let dir: TempDir;
  let sources: SourceServer;
  let host: TestHost;
  let browser: Browser;
  let page: Page;

  before(async () => {
    dir = await tempDir();
    const clip = (colour: 'red' | 'green' | 'blue') =>
      makeClip(join(dir.path, `${colour}.mp4`), { colour, frames: 15 }).then((file) => readFile(file));
    const [red, green, blue, music] = await Promise.all([
      clip('red'),
      clip('green'),
      clip('blue'),
      makeTrack(join(dir.path, 'music.mp3'), 1).then((file) => readFile(file)),
    ]);
    sources = await startSourceServer({
      '/red.mp4': { body: red },
      '/green.mp4': { body: green },
      '/blue.mp4': { body: blue },
      '/music.mp3': { body: music },
    });
    host = await startTestHost(dir.path, { API_KEY: KEY });
    browser = await startBrowser();
    ({ page } = browser);
    await page.goto(`${host.url}/docs`);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await sources?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Opens an operation for input. */
  async function tryOut(tag: string, operation: string): Promise<Locator> {
    const block = page.locator(`#operations-${tag}-${operation}`);
    await block.locator('.opblock-summary-control').click();
    await block.getByRole('button', { name: 'Try it out' }).click();
    return block;
  }

  /** The status and the body that the service answered with. */
  async function execute(block: Locator): Promise<{ status: number; body: Record<string, unknown> }> {
    const answered = page.waitForResponse((response) => !response.url().includes('/docs'));
    await block.getByRole('button', { name: 'Execute' }).click();
    await answered;
    const live = block.locator('.live-responses-table .response');
    await live.locator('.highlight-code, .microlight').first().waitFor();
    const status = Number(
      (await live.locator('.response-col_status').first().innerText()).trim().slice(0, 3),
    );
    const text = await live.locator('.response-col_description code, .microlight').first().innerText();
    return { status, body: JSON.parse(text) as Record<string, unknown> };
  }

  test('shows every address without a key, and asks nothing of any other server', async () => {
    await page.locator('.opblock').first().waitFor();
    assert.equal(await page.title(), 'Every Cut: HTTP API');
    const shown = await page.locator('.opblock-tag-section .opblock').count();
    const document = await host.get('/openapi.json');
    const addresses = Object.values(document['paths'] as object).flatMap((methods) => Object.keys(methods));
    assert.equal(shown >= addresses.length, true, `${shown} of ${addresses.length}`);
    browser.assertClean(host.url);
  });

  test('starts a task with "Try it out" once a key is given, and follows it to its end', async () => {
    const start = await tryOut('Tasks', 'process-media');
    const request = {
      task_name: 'from the page',
      video_blocks: {
        block1: [sources.url('/red.mp4'), sources.url('/green.mp4')],
        block2: [sources.url('/blue.mp4')],
      },
      audio_blocks: { audio1: [sources.url('/music.mp3')] },
      text_to_speach: [{ text: 'Hello', voice: 'Sarah' }],
    };
    await start.locator('textarea.body-param__text').fill(JSON.stringify(request, undefined, 2));

    await page.getByRole('button', { name: 'Authorize' }).first().click();
    const dialog = page.locator('.modal-ux');
    await dialog.locator('input').first().fill(KEY);
    await dialog.getByRole('button', { name: 'Apply credentials' }).first().click();
    await dialog.getByRole('button', { name: 'Close' }).last().click();

    const { status, body } = await execute(start);
    assert.deepEqual([status, body['combinations']], [202, 2]);

    const watch = await tryOut('Tasks', 'status');
    await watch.locator('input[placeholder="task_id"]').fill(String(body['task_id']));
    // Asked once it is worth it, because each answer that is shown takes the browser as long as a small video.
    await until(() => host.logged('task.completed').length > 0, 'the end of the task', ENDED_MS);
    const seen = await execute(watch);
    assert.deepEqual([seen.status, seen.body['status'], seen.body['succeeded']], [200, 'completed', 2]);
    if (process.env['SCREENSHOT'] !== undefined) await watch.screenshot({ path: process.env['SCREENSHOT'] });
    browser.assertClean(host.url);
  });

  test('keeps the key nowhere: the page has forgotten it when it is opened again', async () => {
    const kept = String(
      await page.evaluate('JSON.stringify([localStorage, sessionStorage, document.cookie])'),
    );
    assert.doesNotMatch(kept, new RegExp(KEY));
    await page.goto(`${host.url}/docs/`);
    await page.locator('.auth-wrapper .authorize.unlocked').waitFor();
    browser.assertClean(host.url);
  });

  test('has the key of whoever comes from the page for people in the same tab', async () => {
    await page.goto(`${host.url}/#/settings`);
    await page.getByRole('dialog', { name: 'API key' }).getByLabel('API key').fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'All addresses of the service' }).click();
    await page.locator('.auth-wrapper .authorize.locked').waitFor();
    const stats = await tryOut('Service', 'stats');
    assert.equal((await execute(stats)).status, 200);
  });
});
