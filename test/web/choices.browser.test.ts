/** What is chosen for a task, and how it is started, as a person does it in a browser. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { createClient } from '../../functions/client/client.ts';
import type { Clip, Draft } from '../../functions/web/compose/draft.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip } from '../fixtures/media/finished.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'choices on the page');

describe('what is chosen on the page', { skip }, () => {
  let dir: TempDir;
  let host: TestHost;
  let browser: Browser;
  let page: Page;
  let upload: string;

  before(async () => {
    dir = await tempDir();
    host = await startTestHost(dir.path);
    const body = await readFile(await makeClip(join(dir.path, 'a.mp4'), { colour: 'red', frames: 15 }));
    const file = { name: 'a.mp4', bytes: body.length, type: 'video/mp4', body };
    upload = await createClient({ url: host.url }).upload(file);
    browser = await startBrowser();
    ({ page } = browser);
    await page.goto(`${host.url}/`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  /** Changes the draft as the parts of the page do that are not tried here. */
  async function edit(changes: Partial<Draft>): Promise<void> {
    await page.evaluate(async (text) => {
      const link = document.querySelector<HTMLLinkElement>('link[rel=modulepreload][href*="compose/draft"]');
      const module = (await import(link?.href as string)) as { edit: (changes: Partial<Draft>) => void };
      module.edit(JSON.parse(text) as Partial<Draft>);
    }, JSON.stringify(changes));
  }

  const summary = () => page.getByRole('complementary', { name: 'Summary' });
  const button = (name: string | RegExp): Locator => page.getByRole('button', { name });

  test('is counted by the service, and listed video by video', async () => {
    await edit(blocksOf({ Hooks: ['dog', 'cat'], Bodies: ['demo', 'review', 'test'], Ends: [] }));
    await summary().getByText('2 hooks × 3 bodies').waitFor();
    await summary().getByText('“Ends” has no clips yet: left out.').waitFor();
    await button('1:1').click();
    await button('Make 12 videos').waitFor();
    await button('See every video').click();
    const dialog = page.getByRole('dialog', { name: '12 videos will be made' });
    const cells = await dialog.getByRole('row').nth(12).innerText();
    assert.match(cells.replaceAll(/\s+/g, ' '), /^12 cat\S* test\S* 1x1$/);
    await page.keyboard.press('Escape');
    await button('1:1').click();
  });

  test('is left out by rules, in words', async () => {
    await button('Leave some out').click();
    await page.getByLabel('Hooks of rule 1').selectOption({ label: '2. cat' });
    await page.getByText('No video has “cat” (Hooks).').waitFor();
    await summary().getByText('3 of 6 combinations').waitFor();
    await page.getByText('How often each clip is used').click();
    await page.getByRole('listitem').filter({ hasText: 'cat' }).getByText('not used').waitFor();
    await button('Remove rule 1').click();
    await page.getByLabel('Make at most').fill('2');
    await summary().getByText('2 of 6 combinations').waitFor();
    await page.getByLabel('Make at most').fill('');
    await button('Make 6 videos').waitFor();
    browser.assertClean(host.url);
  });

  test('has lines that are typed, pasted at once and moved, with captions as they will look', async () => {
    await button('Add a line').click();
    await page.getByLabel('Text of line 1').and(page.locator(':focus')).waitFor();
    await page.keyboard.type('Hello there. This is new');
    await button('Paste several').click();
    await page.getByLabel('One line of text for each spoken line').fill('Second\n\n Third ');
    await button('Add 2 lines').click();
    await page.getByText('3 lines, 35 characters').waitFor();
    await button('Move line 3 up').click();
    assert.equal(await page.getByLabel('Text of line 2').inputValue(), 'Third');
    const isFocused = (name: string) =>
      page.waitForFunction((label) => document.activeElement?.ariaLabel === label, name);
    await isFocused('Move line 2 up');
    await button('Remove line 2').click();
    await button('Undo').click();
    await page.getByLabel('Text of line 2').and(page.locator(':focus')).waitFor();
    assert.equal(await page.getByLabel('Text of line 2').inputValue(), 'Third');
    await page.getByLabel('every line: a video for each').check();
    await button('Make 18 videos').waitFor();

    await page.getByLabel('Burned in').check();
    const caption = page.locator('.preview-caption');
    await caption.getByText('HELLO', { exact: true }).waitFor();
    await page.waitForFunction(() => document.fonts.check('12px Montserrat'));
    const sizeOf = () => caption.evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize));
    const before = await sizeOf();
    await page.getByLabel(/^Size:/).fill('5');
    await page.waitForFunction((size) => {
      const element = document.querySelector('.preview-caption');
      return element !== null && Number.parseFloat(getComputedStyle(element).fontSize) < size * 0.7;
    }, before);
    browser.assertClean(host.url);
  });

  test('has a voice from the list, chosen and heard with the keyboard', async () => {
    const voice = page.getByRole('combobox', { name: 'Voice of line 1' });
    await voice.focus();
    await page.keyboard.type('germ');
    await page
      .getByRole('listbox')
      .getByRole('option', { name: /German/ })
      .waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    assert.equal(await voice.inputValue(), 'German');
    assert.equal(await page.getByLabel('Language of line 1').count(), 0);
    await page.getByText('A line is read as English until').waitFor();
    for (const line of [2, 3])
      await page
        .getByRole('combobox', { name: `Language of line ${line}` })
        .selectOption({ label: 'French' });
    await page.getByText('A line is read as English until').waitFor({ state: 'detached' });
    await button('Listen to German').press('Enter');
    await button('Stop German').press('Enter');
    await button('Listen to German').waitFor();
    browser.assertClean(host.url);
  });

  test('is refused beside the field that is wrong, and the summary leads there', async () => {
    await page.getByLabel('File names').fill('{tsk}');
    const mistake = page.getByText(/Did you mean \{task\}\?/);
    await mistake.waitFor();
    await button(/^Make \d/)
      .and(page.locator(':disabled'))
      .waitFor();
    await summary().getByRole('button', { name: 'File names' }).click();
    await page.waitForFunction(() => document.activeElement?.textContent?.includes('Did you mean') === true);
    await page.getByLabel('File names').fill('');
    await mistake.waitFor({ state: 'detached' });

    const before = blocksOf({ Hooks: ['dog', 'cat'], Bodies: ['demo', 'review', 'test'], Ends: [] });
    const [hooks, ...others] = before.blocks;
    const [dog, cat] = hooks?.clips ?? [];
    await edit({ blocks: [{ ...hooks, clips: [dog, { ...cat, volume: 3 }] }, ...others] as Draft['blocks'] });
    await page.locator('.clip').filter({ hasText: 'Expected a volume from 0 to 2' }).waitFor();
    await summary().getByRole('button', { name: 'Hooks, cat' }).click();
    await page.waitForFunction(
      () => document.activeElement?.textContent?.includes('Expected a volume') === true,
    );
    await edit(before);
  });

  test('is still there when the page is loaded again, until the person starts over', async () => {
    await page.getByLabel('Name', { exact: true }).fill('kept');
    // It is written a moment later, or when the page goes.
    await page.reload();
    const other = await page.context().newPage();
    await other.goto(`${host.url}/`);
    await other.getByText('This is what you had put together before.').waitFor();
    await page.getByLabel('Name', { exact: true }).fill('newer');
    const isNewer = () => localStorage.getItem('every-cut.draft')?.includes('"newer"') === true;
    await page.waitForFunction(isNewer);
    await other.getByText('Another tab of this browser has another draft.').waitFor();
    await other.goto('about:blank');
    await other.close();
    assert.ok(await page.evaluate(isNewer), 'a tab that changed nothing writes nothing');
    await page.getByLabel('Name', { exact: true }).fill('kept');
    await page.reload();
    await page.getByText('This is what you had put together before.').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'kept');
    assert.equal(await page.getByLabel('Text of line 2').inputValue(), 'Third');
    await button('Start over').click();
    await summary().getByText('Add a clip to begin.').waitFor();
    assert.equal(await page.getByLabel('Text of line 1').count(), 0);
  });

  test('waits for its files, then starts by itself; an answer that is lost makes no second task', async () => {
    const waiting = { state: 'waiting' as const };
    await edit({
      ...blocksOf({ Hooks: ['a'] }, { kind: 'file', file: null, bytes: 1_000, upload: waiting }),
      name: 'once',
    });
    await summary().getByText('Waits for 1 upload (1.0 KB), then starts by itself.').waitFor();
    await button('Make 1 video').click();
    await summary().getByText('Starts by itself after 1 upload (1.0 KB).').waitFor();
    let isLost = false;
    await page.route('**/process_media', async (route) => {
      if (isLost || route.request().postDataJSON().dry_run === true) return route.continue();
      isLost = true;
      await route.fetch();
      return route.abort();
    });
    const done = { state: 'done' as const, url: upload, at: Date.now() };
    await edit(blocksOf({ Hooks: ['a'] }, { kind: 'file', file: null, bytes: 1_000, upload: done }));
    await summary()
      .getByText(/Expected a running service/)
      .waitFor();
    await button('Make 1 video').dblclick();
    await page.waitForURL(/#\/tasks\/[0-9a-f-]{36}$/);
    const { tasks } = (await host.get('/tasks')) as { tasks: { task_name: string }[] };
    assert.deepEqual(
      tasks.map(({ task_name: name }) => name),
      ['once'],
    );

    await page.getByRole('link', { name: 'New' }).click();
    await button('Start from the last one').click();
    await button('Make 1 video').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'once');
  });
});

function blocksOf(names: Record<string, string[]>, source?: Clip['source']): Pick<Draft, 'blocks'> {
  const clipOf = (name: string): Clip => {
    const url = `https://example.com/${name}.mp4`;
    const none = { seconds: 1, poster: null, startSeconds: null, endSeconds: null, volume: null };
    return { key: name, name, source: source ?? { kind: 'link', url }, ...none };
  };
  return {
    blocks: Object.entries(names).map(([name, clips]) => ({ key: name, name, clips: clips.map(clipOf) })),
  };
}
