/** The page of a task with a thousand videos draws few of them, whatever a person does. How quick it is: npm run bench -- page. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type ManyVideos, manyVideos, VIDEOS } from '../fixtures/web/many-videos.ts';

const MOST_DRAWN = 80;

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'a thousand videos on the page');

describe(`the page of a task with ${VIDEOS} videos`, { skip }, () => {
  let videos: ManyVideos;
  let browser: Browser;

  before(async () => {
    videos = await manyVideos();
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await videos?.[Symbol.asyncDispose]();
  });

  test('draws few of them while it is opened, scrolled, filtered, walked by keys, starred and changing', async () => {
    const { page } = browser;
    for (const [what, step] of Object.entries(videos.steps)) {
      await step(page);
      const drawn = await page.getByRole('listitem').count();
      assert.ok(drawn > 0 && drawn < MOST_DRAWN, `${drawn} after ${what}`);
    }
    browser.assertClean(videos.url);
  });
});
