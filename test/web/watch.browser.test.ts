/** The page of a task, as a person uses it in a browser. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { closed, listen } from '../../functions/hosts/local-server.ts';
import { until } from '../contracts/harness.ts';
import { type SavedVideos, savedVideos } from '../fixtures/hosts/saved-videos.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';

const ON_DRIVE = 'https://drive.google.com/file/d/abc/view';

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'a task on the page');

describe('the page of a task', { skip }, () => {
  let service: SavedVideos;
  let clip: Buffer;
  let browser: Browser;
  let page: Page;

  before(async () => {
    service = await savedVideos({ combinations: 6 });
    const file = join(service.dir.path, 'clip.mp4');
    clip = await readFile(await makeClip(file, { colour: 'blue', frames: 120, size: '160x90' }));
    for (const index of [1, 2, 3]) await service.save(index, clip);
    await service.report(4, {
      status: 'failed',
      url: null,
      error: { code: 'no_video', stage: 'probe', message: 'Expected a video, got none.' },
    });
    await service.report(5, { url: ON_DRIVE });
    browser = await startBrowser();
    ({ page } = browser);
    await page.goto(`${service.url}/#/tasks/${service.task.id}`);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await service?.[Symbol.asyncDispose]();
  });

  const button = (name: string | RegExp) => page.getByRole('button', { name });
  const play = (index: number) => button(new RegExp(`^Play video ${index},`));
  const times = () =>
    page.evaluate(
      `[...document.querySelectorAll('dialog video')].map(({ currentTime }) => currentTime)`,
    ) as Promise<number[]>;

  test('shows how far it is, and each video by what became of it', async () => {
    await page.getByRole('heading', { level: 1, name: service.task.name }).waitFor();
    const bar = page.getByRole('progressbar', { name: 'Videos' });
    assert.equal(await bar.getAttribute('aria-valuetext'), '5 of 6 done');
    await play(1).locator('img').waitFor();
    await page.getByText('Expected a video, got none.').waitFor();
    await page.getByRole('group', { name: /^Video 6, .*: Waiting$/ }).waitFor();
    const drive = page.getByRole('link', { name: /^Open video 5, .* in Drive$/ });
    assert.equal(await drive.getAttribute('href'), ON_DRIVE);
    assert.equal(await page.title(), `4 of 6 · ${service.task.name}`);
  });

  test('keeps the shape of its pictures when a person comes back', async () => {
    const height = () =>
      page
        .locator('.watch-picture')
        .first()
        .evaluate(({ clientHeight }) => clientHeight);
    const before = await height();
    await page.getByRole('link', { name: 'Tasks' }).click();
    await page.waitForFunction(() => document.title === 'Tasks · Every Cut');
    await page.goto(`${service.url}/#/tasks/${service.task.id}`);
    await play(1).locator('img').waitFor();
    await until(async () => (await height()) === before, `pictures as high as before, ${before} pixels`);
  });

  test('plays a video, leads to the next one by keys, and stars it for good', async () => {
    await play(1).click();
    const dialog = page.getByRole('dialog');
    await until(async () => ((await times())[0] ?? 0) > 0.2, 'the video to play');
    await page.keyboard.press('ArrowRight');
    await dialog.getByRole('heading', { name: /^#2 / }).waitFor();
    await page.keyboard.press('s');
    await dialog.getByRole('button', { name: 'Starred' }).waitFor();
    await dialog.getByRole('button', { name: 'Copy name' }).click();
    // The dialog hides all else, also from screen readers.
    await dialog
      .getByRole('status')
      .filter({ hasText: /^(File name copied|Expected leave .*)$/ })
      .waitFor();
    await page.keyboard.press('Escape');
    await page.locator('[aria-posinset="2"] :focus').waitFor();
    await page.reload();
    await page.getByRole('radio', { name: 'Starred 1' }).check();
    await play(2).waitFor();
    assert.equal(await page.getByRole('listitem').count(), 1);
    await page.getByRole('radio', { name: 'All' }).check();
  });

  test('plays two videos together, with the sound of one', async () => {
    for (const index of [1, 3]) await page.getByRole('checkbox', { name: `Compare video ${index},` }).check();
    await button('Compare two').click();
    await button('Play both').click();
    await until(async () => (await times()).every((time) => time > 0.3), 'both videos to play');
    await button('Pause both').click();
    const [left = 0, right = 9] = await times();
    assert.ok(Math.abs(left - right) < 0.3, `${left} and ${right} s`);
    const muted = `[...document.querySelectorAll('dialog video')].map(({ muted }) => muted)`;
    assert.deepEqual(await page.evaluate(muted), [false, true]);
    await page.getByRole('radio', { name: 'Sound of the video on the right' }).check();
    assert.deepEqual(await page.evaluate(muted), [true, false]);
    await page.getByRole('slider').fill('2');
    await until(async () => (await times()).every((time) => time === 2), 'both videos at 2 s');
    await button('Next video on the left').click();
    await page.getByRole('heading', { name: /^#2 / }).waitFor();
    await button('Close').click();
    browser.assertClean(service.url);
  });

  test('asks nothing while nobody looks at it, and goes on when somebody does', async () => {
    const hide = (isHidden: boolean) =>
      page.evaluate(`
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${isHidden} });
        document.dispatchEvent(new Event('visibilitychange'));
      `);
    await hide(true);
    let asked = 0;
    page.on('request', () => {
      asked += 1;
    });
    // Longer than the longest pause between two questions.
    await page.waitForTimeout(2_500);
    assert.equal(asked, 0);
    await hide(false);
    await until(() => asked > 0, 'a question');
  });

  test('says so while the service is away, and goes on to the end once it is back', async () => {
    const { hostname: host, port } = new URL(service.url);
    await closed(service.server);
    await page.getByText('The service does not answer; trying again.').waitFor();
    await listen(service.server, { host, port: Number(port) });
    await service.save(6, clip);
    await service.end();
    await page.getByText('Done, some failed', { exact: true }).waitFor();
    await play(6).waitFor();
    assert.equal(await page.getByText('The service does not answer; trying again.').count(), 0);
    const zip = page.getByRole('link', { name: 'Download starred (1)' });
    assert.match((await zip.getAttribute('href')) ?? '', /\/manifest\.zip\?renders=2$/);
    // As from another tab, or if the answer to the first try was lost.
    await fetch(`${service.url}/tasks/${service.task.id}`, { method: 'DELETE' });
    await button('Delete').click();
    await button('Delete the task').click();
    await page.waitForURL(/#\/tasks$/);
    assert.equal(await page.evaluate('localStorage.length'), 0);
    await page.goto(`${service.url}/#/tasks/%E0%A4%A`);
    await page.getByRole('heading', { name: 'This task is not there any more' }).waitFor();
    await page.getByRole('link', { name: 'See all tasks' }).click();
  });
});
