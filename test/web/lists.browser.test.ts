/** The question for the API key, the list of tasks and the settings, as a person uses them in a browser. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { type Client, createClient } from '../../functions/client/client.ts';
import { until } from '../contracts/harness.ts';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { type SourceServer, startSourceServer } from '../fixtures/network/source-server.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';
import { audit } from '../fixtures/web/audit.ts';

const KEY = 'a-key-of-sixteen-characters';
/** For each step. */
const STEP_MS = 30_000;
/** More than the list shows at first. */
const TASKS = 52;

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'lists on the page');

describe('the page with an API key, its list of tasks and its settings', { skip }, () => {
  let dir: TempDir;
  let sources: SourceServer;
  let host: TestHost;
  let client: Client;
  let browser: Browser;
  let page: Page;

  before(async () => {
    dir = await tempDir();
    sources = await startSourceServer({
      '/slow.mp4': { body: Buffer.from('film'), always: { does: 'hang' } },
    });
    host = await startTestHost(dir.path, { API_KEY: KEY });
    client = createClient({ url: host.url, apiKey: KEY });
    // Their clip does not exist, so that they end at once.
    for (let number = 1; number <= TASKS; number++) await submit(`task ${number}`, '/none.mp4');
    browser = await startBrowser();
    ({ page } = browser);
    page.setDefaultTimeout(STEP_MS);
  });
  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await sources?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const submit = (task_name: string, path: string) =>
    client.submit({ task_name, video_blocks: { hooks: [sources.url(path)] } });
  const rows = (of = page) => of.getByRole('row').filter({ has: of.getByRole('link') });
  const question = (of = page) => of.getByRole('dialog', { name: 'API key' });
  const give = async (key: string, of = page) => {
    await question(of).getByLabel('API key').fill(key);
    await of.keyboard.press('Enter');
  };

  test('asks for the key, says that one is wrong, and repeats what the service says of too many', async () => {
    await page.goto(`${host.url}/#/tasks`);
    await question().waitFor();
    assert.equal(await page.evaluate('document.activeElement.type'), 'password');
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await give('ключ');
    await question()
      .getByText('Expected a key of letters from A to Z, digits and signs, got “к” in it.')
      .waitFor();
    await give('a key of somebody else');
    await question().getByText('Expected the API key of this service, got another one.').waitFor();
    const wrong = () => fetch(`${host.url}/tasks`, { headers: { 'x-api-key': 'another key' } });
    for (let made = 0; made < 4; made++) await wrong();
    // This one waits for its answer, and until then others from here are refused at once.
    const waiting = wrong();
    await until(() => host.logged('request.locked_out').length > 0, 'the wait for a wrong key');
    await give('a key of somebody else');
    await question()
      .getByText(/API key after several wrong ones, got another wrong one/)
      .waitFor();
    await give(` ${KEY} `);
    await rows().first().waitFor();
    assert.equal(await question().count(), 0);
    assert.equal((await waiting).status, 401);
  });

  test('keeps the key in this tab: not in storage that lasts, not in an address; another tab asks again', async () => {
    assert.doesNotMatch(
      String(await page.evaluate('JSON.stringify([localStorage, document.cookie, location.href])')),
      new RegExp(KEY),
    );
    await page.reload();
    await rows().first().waitFor();
    const other = await page.context().newPage();
    await other.goto(`${host.url}/#/tasks`);
    await question(other).waitFor();
    await other.close();
  });

  test('lists tasks newest first, and more of them when asked', async () => {
    assert.match(await rows().first().innerText(), /task 52[\s\S]*Failed[\s\S]*0 of 1 video, 1 failed/);
    assert.equal(await rows().count(), 50);
    await page.getByRole('button', { name: 'More', exact: true }).click();
    await rows()
      .nth(TASKS - 1)
      .waitFor();
    assert.equal(await page.getByRole('button', { name: 'More', exact: true }).count(), 0);
    assert.match(await rows().last().innerText(), /^task 1\s/);
  });

  test('finds tasks by status, by a part of the name, and by an exact name that is not loaded', async () => {
    await page.reload();
    await until(async () => (await rows().count()) === 50, 'the newest tasks');
    const name = page.getByLabel('Name', { exact: true });
    await name.fill('SK 7');
    await until(async () => (await rows().count()) === 1, 'one task');
    await name.fill('task 1 ');
    await until(async () => (await rows().count()) > 5, 'tasks from 10 to 19');
    await name.fill('nothing like it');
    await page.getByText('None of the newest tasks has “nothing like it” in its name.').waitFor();
    await page.getByRole('button', { name: 'Search all by exact name' }).click();
    await page.getByText('No task with exactly this name.').waitFor();
    await page.getByLabel('Status').selectOption({ label: 'Done' });
    await page.getByText('No task with exactly this name and status.').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await until(async () => (await rows().count()) === 50, 'all tasks');
    assert.equal(await name.inputValue(), '');
  });

  test('takes in new tasks, says what the service does, cancels and deletes after a question', async () => {
    await submit('a slow one', '/slow.mp4');
    // The list looks again when the tab is seen again.
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    const slow = rows().filter({ hasText: 'a slow one' });
    await slow.getByRole('progressbar', { name: 'Progress of a slow one' }).waitFor();
    await page.getByText(/1 task under way/).waitFor();
    await slow.getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: 'a slow one' }).waitFor();
    assert.deepEqual(await audit(page, 'a task that runs'), []);
    await page.goBack();
    await page.getByRole('button', { name: 'Cancel a slow one' }).click();
    const asked = page.getByRole('dialog', { name: 'Cancel “a slow one”?' });
    assert.deepEqual(await audit(page, 'a question'), []);
    await asked.getByRole('button', { name: 'Let it go on' }).click();
    await page.getByRole('button', { name: 'Cancel a slow one' }).click();
    await asked.getByRole('button', { name: 'Cancel the task' }).click();
    await slow.getByText('Cancelled', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Delete a slow one' }).click();
    await page.getByRole('button', { name: 'Delete the task' }).click();
    await slow.waitFor({ state: 'detached' });
    const left: string[] = [];
    for await (const { task_name } of client.tasks({ name: 'a slow one' })) left.push(task_name);
    assert.deepEqual(left, []);
  });

  test('says of a task that was deleted elsewhere that it is gone, without links to it', async () => {
    const { task_id: id } = await submit('deleted elsewhere', '/none.mp4');
    await client.ended(id);
    await page.goto(`${host.url}/#/tasks/${id}`);
    await page.getByRole('link', { name: 'Manifest CSV' }).waitFor();
    await client.delete(id);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.getByRole('heading', { level: 1, name: 'This task is not there any more' }).waitFor();
    assert.equal(await page.getByRole('link', { name: 'Manifest CSV' }).count(), 0);
    await page.reload();
    await page.getByRole('heading', { level: 1, name: 'This task is not there any more' }).waitFor();
    await page.getByRole('link', { name: 'See all tasks' }).click();
    await rows().first().waitFor();
  });

  test('shows the settings, finds them, tells no secret, and forgets the key', async () => {
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { name: 'Access' }).waitFor();
    assert.doesNotMatch(await page.locator('main').innerText(), new RegExp(KEY));
    await page.getByLabel('Search').fill('output_dir');
    await page.getByText(host.outputDir).waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Access' }).count(), 0);
    await page.getByRole('button', { name: 'Forget the key' }).click();
    assert.equal(await page.evaluate('sessionStorage.length'), 0);
    await page.goto(`${host.url}/#/tasks`);
    await question().waitFor();
    assert.doesNotMatch(JSON.stringify(host.logged()), new RegExp(KEY));
  });
});
