/** The page for people from its first file to the finished videos, in a browser. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { createClient } from '../../functions/client/client.ts';
import { until } from '../contracts/harness.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { countFrames, makeClip } from '../fixtures/media/finished.ts';
import { assertFinished } from '../fixtures/media/finished-boxes.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { audit } from '../fixtures/web/audit.ts';
import { type DroppedFile, dropFiles } from '../fixtures/web/drop.ts';
import { tabTo } from '../fixtures/web/keyboard.ts';

/** For each step. */
const STEP_MS = 30_000;
const KEY = 'a-key-of-sixteen-characters';

/** Waits until it has gone on without a mistake. */
async function plays(page: Page): Promise<void> {
  await page.locator('dialog video').waitFor();
  const hasMoved = () =>
    page.evaluate(`(({ error, currentTime }) => {
      if (error !== null) throw new Error(error.message);
      return currentTime > 0.2;
    })(document.querySelector('dialog video'))`);
  await until(async () => (await hasMoved()) === true, 'a video that plays', STEP_MS);
}

describe('the page', IN_CHROMIUM, () => {
  let dir: TempDir;
  let host: TestHost;
  let browser: Browser;
  let page: Page;
  const found: string[] = [];
  let files: Record<'red' | 'green' | 'blue', string>;

  before(async () => {
    dir = await tempDir();
    const clip = (colour: 'red' | 'green' | 'blue') =>
      makeClip(join(dir.path, `${colour}.mp4`), { colour, frames: 30, size: '180x320' });
    const [red, green, blue] = await Promise.all([clip('red'), clip('green'), clip('blue')]);
    files = { red, green, blue };
    host = await startTestHost(dir.path);
    browser = await startBrowser();
    ({ page } = browser);
    page.setDefaultTimeout(STEP_MS);
    await page.goto(host.url);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const film = async (colour: keyof typeof files): Promise<DroppedFile> => ({
    name: `${colour}.mp4`,
    type: 'video/mp4',
    bytes: await readFile(files[colour]),
  });
  const torn: DroppedFile = {
    name: 'torn.mp4',
    type: 'video/mp4',
    bytes: Buffer.from('no film'.repeat(99)),
  };
  const block = (number: number) => page.getByRole('region', { name: new RegExp(`^Block ${number}:`) });
  const button = (name: string | RegExp) => page.getByRole('button', { name });

  test('takes clips that are dropped, a name for their block, and a part of one', async () => {
    await dropFiles(page, block(1), [await film('red'), torn]);
    await dropFiles(page, block(2), [await film('green'), await film('blue')]);
    const card = page.locator('.clip').filter({ hasText: 'The browser cannot show it.' });
    await card.getByRole('textbox', { name: 'Name of torn' }).waitFor();
    assert.equal(await card.count(), 1);
    await page.getByLabel('Name of block 1').fill('Openers');
    await page.keyboard.press('Enter');
    await button('Trim red').click();
    const trim = page.getByRole('dialog', { name: /^Trim red/ });
    await trim.getByLabel('End (s)').fill('0.5');
    found.push(...(await audit(page, 'the part of a clip')));
    await trim.getByRole('button', { name: 'Use this part' }).click();
    await block(1)
      .getByText(/0\.5 s of 1\.0 s/)
      .waitFor();
  });

  test('takes a line and a format, and shows every video before it is made', async () => {
    await button('Add a line').click();
    await page.getByLabel('Text of line 1').fill('Hello from the page');
    await button(/^1:1/).click();
    await button(/^9:16/).click();
    await button('Make 4 videos').waitFor();
    await button('See every video').click();
    const plan = page.getByRole('dialog', { name: '4 videos will be made' });
    const rows = plan.getByRole('row').filter({ hasText: 'Hello from the page' });
    await rows.nth(3).waitFor();
    assert.match(await plan.getByRole('row').first().innerText(), /Openers/);
    found.push(...(await audit(page, 'the plan')));
    await page.keyboard.press('Escape');
    found.push(...(await audit(page, 'a filled draft')));
  });

  test('starts, follows the task to its end, and says why videos failed', async () => {
    await page.getByLabel('Name', { exact: true }).fill('from the page');
    await button('Make 4 videos').click();
    await page.getByRole('heading', { level: 1, name: 'from the page' }).waitFor();
    await page.getByText('Done, some failed', { exact: true }).waitFor();
    await page
      .getByRole('button', { name: /^Play video/ })
      .nth(1)
      .waitFor();
    assert.equal(await button(/^Play video/).count(), 2);
    assert.match(await page.locator('main').innerText(), /torn/);
    found.push(...(await audit(page, 'a task that has ended')));
  });

  test('plays a video and stars it', async () => {
    await button(/^Play video 1,/).click();
    const dialog = page.getByRole('dialog');
    await plays(page);
    found.push(...(await audit(page, 'a video')));
    await dialog.getByRole('button', { name: 'Star', exact: true }).click();
    await dialog.getByRole('button', { name: 'Starred' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  });

  test('gives the starred videos as an archive, and they play', async () => {
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download starred (1)' }).click(),
    ]);
    const archive = unzip(await readFile(await download.path()));
    const names = [...archive.keys()].sort();
    assert.equal(names.length, 3, names.join(', '));
    assert.match(names.join(' '), /0001-red-blue-\w{6}\.mp4 .*manifest-\w{6}\.csv .*manifest-\w{6}\.json/);
    const saved = join(dir.path, 'saved.mp4');
    await writeFile(saved, archive.get(names.find((name) => name.endsWith('.mp4')) as string) as Buffer);
    await assertFinished(saved);
    // Half a second of the first clip, and the whole second one.
    assert.equal(await countFrames(saved), 45);
  });

  test('makes again what failed, as a task that says so', async () => {
    await button('Retry 2 failed videos').click();
    await page.getByText('makes again what failed in').waitFor();
    await page.getByText('Failed', { exact: true }).first().waitFor();
    await page.getByRole('link', { name: 'Tasks' }).click();
    const row = page.getByRole('row').filter({ hasText: '2 of 4 videos, 2 failed' });
    assert.match(await row.innerText(), /from the page[\s\S]*★ 1/);
    found.push(...(await audit(page, 'the list of tasks')));
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { name: 'Limits' }).waitFor();
    found.push(...(await audit(page, 'the settings')));
    browser.assertClean(host.url);
  });

  test('is reached, filled and started with the keyboard alone', async () => {
    await page.goto(`${host.url}/#/`);
    await page.reload();
    let chosen = '';
    page.on('filechooser', (chooser) => void chooser.setFiles(chosen));
    for (const [number, name, file] of [
      [1, /^Choose files for Hooks$/, files.red],
      [2, /^Choose files for Bodies$/, files.green],
    ] as const) {
      chosen = file;
      await tabTo(page, name);
      await page.keyboard.press('Enter');
      await block(number).getByRole('listitem').waitFor();
    }
    await button('Make 1 video').waitFor();
    await tabTo(page, /^Make 1 video$/);
    await page.keyboard.press('Enter');
    await page.getByText('Done', { exact: true }).first().waitFor();
    await tabTo(page, /^Play video 1,/);
    await page.keyboard.press('Enter');
    await page.locator('dialog video').waitFor();
    await page.keyboard.press('Escape');
  });

  test('is accessible in every view, has no small text, and nothing beside the edge of a phone', () => {
    assert.deepEqual(found, []);
  });
});

describe('the page of a service with an API key', IN_CHROMIUM, () => {
  test('asks for the key once; videos and archives work, and the key is in no address, storage or log', async () => {
    await using dir = await tempDir();
    await using host = await startTestHost(dir.path, { API_KEY: KEY });
    const client = createClient({ url: host.url, apiKey: KEY });
    const body = await readFile(await makeClip(join(dir.path, 'red.mp4'), { colour: 'red' }));
    const url = await client.upload({ name: 'red.mp4', bytes: body.length, type: 'video/mp4', body });
    const { task_id: id } = await client.submit({ task_name: 'with a key', video_blocks: { hooks: [url] } });
    await client.ended(id);
    await using browser = await startBrowser();
    const { page } = browser;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${host.url}/#/tasks/${id}`);
    const question = page.getByRole('dialog', { name: 'API key' });
    await question.getByLabel('API key').fill(KEY);
    assert.deepEqual(await audit(page, 'the question for the key'), []);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Play video 1,/ }).click();
    await plays(page);
    await page.keyboard.press('Escape');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download all (zip)' }).click(),
    ]);
    assert.equal(unzip(await readFile(await download.path())).size, 3);
    const kept = await page.evaluate('JSON.stringify([localStorage, document.cookie, location.href])');
    const told = JSON.stringify([asked, kept, host.logged()]);
    assert.ok(asked.some((address) => address.includes('access=')));
    assert.equal(told.includes(KEY), false);
  });
});
