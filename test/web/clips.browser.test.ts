/** Clips and music on the page, as a person drops, sends, sorts and trims them in a browser. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { startTestHost, type TestHost } from '../fixtures/hosts/host.ts';
import { makeClip, makeTrack } from '../fixtures/media/finished.ts';
import { type Browser, IN_CHROMIUM, startBrowser } from '../fixtures/system/chromium.ts';
import { PAGE_SUITES, unlessTurn } from '../fixtures/system/sample.ts';
import { type TempDir, tempDir } from '../fixtures/system/temp-dir.ts';

/** A file as the page gets it, with its bytes in base64. */
interface Dropped {
  name: string;
  type: string;
  bytes: string;
}

const skip = IN_CHROMIUM.skip || unlessTurn(PAGE_SUITES, 'clips on the page');

describe('clips on the page', { skip }, () => {
  let dir: TempDir;
  let host: TestHost;
  let browser: Browser;
  let page: Page;
  let clip: Dropped;
  let track: Dropped;

  before(async () => {
    dir = await tempDir();
    const bytesOf = async (file: Promise<string>) => (await readFile(await file)).toString('base64');
    const [film, sound] = await Promise.all([
      bytesOf(makeClip(join(dir.path, 'red.mp4'), { colour: 'red', frames: 60 })),
      bytesOf(makeTrack(join(dir.path, 'song.mp3'), 1)),
    ]);
    clip = { name: 'red.mp4', type: 'video/mp4', bytes: film };
    track = { name: 'song.mp3', type: 'audio/mpeg', bytes: sound };
    host = await startTestHost(dir.path);
    browser = await startBrowser();
    ({ page } = browser);
    await page.goto(host.url);
  });

  after(async () => {
    await browser?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await dir?.[Symbol.asyncDispose]();
  });

  const block = (name: string) => page.getByRole('region', { name: new RegExp(`: ${name}$`) });
  const namesIn = (list: Locator) =>
    list
      .locator('.clip-name')
      .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
  const cards = (list: Locator, count: number) =>
    list
      .locator('.clip')
      .nth(count - 1)
      .waitFor();
  const sent = () => page.locator('.upload-total:not(:has(:not(:empty)))').waitFor({ state: 'attached' });

  async function drop(on: Locator, files: readonly Dropped[]): Promise<void> {
    const transfer = await page.evaluateHandle((dropped) => {
      const made = new DataTransfer();
      for (const { name, type, bytes } of dropped) {
        const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
        made.items.add(new File([raw], name, { type, lastModified: 1 }));
      }
      return made;
    }, files);
    for (const event of ['dragover', 'drop']) await on.dispatchEvent(event, { dataTransfer: transfer });
  }

  test('are sent as soon as they are dropped, and show their picture and their length', async () => {
    const puts: string[] = [];
    page.on('request', (request) => {
      if (request.method() === 'PUT') puts.push(request.url());
    });
    await drop(block('Hooks'), [clip, { ...clip, name: '2 blue.mp4' }, track]);
    // The same file again, in another block.
    await drop(block('Bodies'), [clip]);
    await cards(block('Bodies'), 1);
    await block('Hooks').locator('.clip img').nth(1).waitFor();
    await block('Bodies').locator('.clip img').waitFor();
    await sent();
    assert.deepEqual(await namesIn(block('Hooks')), ['2 blue', 'red']);
    assert.match(await block('Hooks').locator('.clip-facts').first().innerText(), /^2\.0 s · /);
    assert.equal(puts.length, 3, 'two clips and a track; what was dropped twice is sent once');
    assert.deepEqual(await namesIn(page.getByRole('region', { name: 'Music' })), ['song']);
    await page.getByText('1 sound file went to Music: clips need a picture.').waitFor();
    browser.assertClean(host.url);
  });

  test('go to the first empty block if they are dropped beside all; what is no media is refused by name', async () => {
    const notes = { name: 'notes.pdf', type: 'application/pdf', bytes: btoa('%PDF') };
    await drop(page.locator('header.head'), [{ ...clip, name: 'buy.mp4' }, notes]);
    await cards(block('Calls to action'), 1);
    await page.getByText('notes.pdf: expected a video, a picture or sound').waitFor();
    await page.getByRole('button', { name: 'Dismiss the message' }).click();
    await sent();
  });

  test('are sorted, moved to another block, removed and put back by keyboard', async () => {
    const hooks = block('Hooks');
    await hooks.getByRole('button', { name: 'Move red up' }).focus();
    await page.keyboard.press('Enter');
    await hooks.locator('[data-does=down]:focus').waitFor();
    assert.deepEqual(await namesIn(hooks), ['red', '2 blue']);
    await hooks.getByRole('button', { name: 'Remove red' }).focus();
    await page.keyboard.press('Enter');
    await hooks.locator('[data-does=remove]:focus').waitFor();
    assert.deepEqual(await namesIn(hooks), ['2 blue']);
    await page.getByRole('button', { name: 'Undo' }).press('Enter');
    assert.deepEqual(await namesIn(hooks), ['red', '2 blue']);
    await hooks.locator('[data-does=remove]:focus').waitFor();

    await block('Bodies').getByRole('button', { name: 'Remove Bodies' }).press('Enter');
    await page.getByLabel('Name of block 2').and(page.locator(':focus')).waitFor();
    await page.getByRole('button', { name: 'Undo' }).press('Enter');
    await block('Bodies').locator('.block-name:focus').waitFor();

    await hooks.getByRole('button', { name: 'Trim 2 blue' }).press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.evaluate("location.hash = '#/settings'");
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.goBack();
    await hooks.waitFor();
    assert.equal(await page.getByRole('dialog').count(), 0);

    await hooks.getByRole('button', { name: 'Trim 2 blue' }).press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('In block').selectOption({ label: 'Bodies' });
    await dialog.getByRole('button', { name: 'Use this part' }).press('Enter');
    assert.deepEqual([await namesIn(hooks), await namesIn(block('Bodies'))], [['red'], ['red', '2 blue']]);
  });

  test('are dragged to another place and block, and blocks change places', async () => {
    const bodies = block('Bodies');
    const from = bodies.locator('.clip').nth(1);
    await from.locator('.clip-picture').dragTo(block('Hooks').locator('.clip-picture').first(), {
      targetPosition: { x: 20, y: 4 },
    });
    assert.deepEqual([await namesIn(block('Hooks')), await namesIn(bodies)], [['2 blue', 'red'], ['red']]);
    const order = () =>
      page
        .locator('.block-name')
        .evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
    const music = page.getByRole('region', { name: 'Music' });
    await music.locator('.clip-picture').dragTo(bodies.locator('.clip-picture').first());
    await page.getByText('song is sound only: it stays in Music.').waitFor();
    assert.deepEqual([await namesIn(music), await namesIn(bodies)], [['song'], ['red']]);
    await bodies.locator('.block-grip').dragTo(block('Hooks').locator('.block-grip'));
    assert.deepEqual(await order(), ['Bodies', 'Hooks', 'Calls to action']);
    await bodies.getByRole('button', { name: 'Move Bodies right' }).press('Enter');
    assert.deepEqual(await order(), ['Hooks', 'Bodies', 'Calls to action']);
  });

  test('get another name in place, and so do blocks', async () => {
    const name = page.getByLabel('Name of red').first();
    await name.fill('Opening');
    await name.press('Enter');
    await page.getByLabel('Name of Opening').fill('lost');
    await page.keyboard.press('Escape');
    await page.getByLabel('Name of block 1').fill('Openers');
    await page.keyboard.press('Enter');
    assert.deepEqual(await namesIn(block('Openers')), ['2 blue', 'Opening']);
  });

  test('are trimmed by keys, to the frame, while the part plays', async () => {
    await page.getByRole('button', { name: 'Trim Opening' }).click();
    const dialog = page.getByRole('dialog', { name: 'Trim Opening' });
    const start = dialog.getByRole('slider', { name: 'Start' });
    await start.press('Shift+ArrowRight');
    await start.press('ArrowRight');
    assert.equal(await start.getAttribute('aria-valuetext'), '1.033 s of 2 s');
    await dialog.getByRole('slider', { name: 'End' }).press('Shift+ArrowLeft');
    assert.equal(await dialog.getByLabel('End (s)').inputValue(), '1.066', 'a frame is left');
    const line = (await dialog.locator('.trim-line').boundingBox()) as {
      x: number;
      y: number;
      width: number;
    };
    await dialog.getByRole('slider', { name: 'End' }).hover();
    await page.mouse.down();
    await page.mouse.move(line.x + line.width * 0.9, line.y + 9, { steps: 3 });
    await page.mouse.up();
    const pulled = Number(await dialog.getByLabel('End (s)').inputValue());
    assert.ok(Math.abs(pulled - 1.8) < 0.02, `${pulled}`);
    await dialog.getByLabel('End (s)').fill('3');
    await dialog.getByText('Expected an end from 0 to 2 s, got 3 s.').waitFor();
    await dialog.getByLabel('End (s)').fill('1.5');
    await dialog.getByRole('button', { name: 'Play the part' }).click();
    const latest = await dialog.locator('video').evaluate(
      (video: HTMLVideoElement) =>
        new Promise<number>((resolve) => {
          let before = 0;
          const look = () => {
            if (video.currentTime < before) return resolve(before);
            before = video.currentTime;
            requestAnimationFrame(look);
          };
          look();
        }),
    );
    assert.ok(latest > 1.3 && latest < 1.95, `begins again at its end, not at ${latest} s`);
    await dialog.getByRole('button', { name: 'Use this part' }).click();
    assert.match(await block('Openers').locator('.clip-facts').nth(1).innerText(), /^0\.5 s of 2\.0 s · /);
    browser.assertClean(host.url);
  });

  test('may be links, each mistake of which is told', async () => {
    const bodies = block('Bodies');
    await bodies.getByRole('button', { name: 'Paste links for Bodies' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('One link per line').fill('https://a.test/#1.mp4');
    await dialog.getByRole('button', { name: 'Add links' }).click();
    await dialog.getByText('Write %23').waitFor();
    await dialog.getByLabel('One link per line').fill('https://a.test/one.mp4\nhttps://a.test/two.mp4?x=1');
    await dialog.getByRole('button', { name: 'Add links' }).click();
    await cards(bodies, 3);
    assert.deepEqual(await namesIn(bodies), ['red', 'one', 'two']);
    await bodies.getByRole('button', { name: 'Remove two' }).focus();
    await page.evaluate(() => {
      const clipboardData = new DataTransfer();
      clipboardData.setData('text/plain', 'https://a.test/pasted.mp4');
      const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true });
      document.activeElement?.dispatchEvent(paste);
    });
    await cards(bodies, 4);
    assert.equal((await namesIn(bodies)).at(-1), 'pasted');
    await bodies.getByRole('button', { name: 'Trim two' }).click();
    await page.getByRole('dialog').getByText('a link has no player here').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    browser.assertClean(host.url);
  });

  test('are sent again after the connection was lost', async () => {
    await page.route('**/uploads/**', (route) => route.abort('connectionreset'), { times: 1 });
    await drop(block('Calls to action'), [{ ...clip, name: 'late.mp4' }]);
    await page.getByText(/^Trying again: .* lost the connection/).waitFor();
    await sent();
    assert.deepEqual(await namesIn(block('Calls to action')), ['buy', 'late']);
  });

  test('are drawn where they are near if a block has hundreds', async () => {
    // Their bytes do not matter here, so they are small.
    const many = Array.from({ length: 300 }, (_, at) => ({
      name: `many ${at}.mp4`,
      type: 'video/mp4',
      bytes: btoa(`${at}`),
    }));
    await drop(block('Calls to action'), many);
    await page.getByTitle('302 clips').waitFor();
    const list = block('Calls to action').getByRole('list');
    await list.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.getByLabel('Name of many 299').waitFor();
    assert.ok((await list.locator('.clip').count()) < 100, 'only what is near is drawn');
  });

  test('are asked about before the page is left while they are sent, and fill all blocks from a folder', async () => {
    // Never answered.
    await page.route('**/uploads/*', () => {});
    await drop(block('Bodies'), [{ ...clip, name: 'held.mp4' }]);
    await page.getByLabel('Name of held').waitFor();
    const asked: string[] = [];
    page.once('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    // To the browser another place, so that it brings nothing back.
    await page.goto(host.url.replace('127.0.0.1', 'localhost'));
    assert.deepEqual(asked, ['beforeunload']);
    await page.unroute('**/uploads/*');

    const folder = join(dir.path, 'ads');
    const film = Buffer.from(clip.bytes, 'base64');
    for (const path of ['1 hooks/a.mp4', '1 hooks/b.mp4', '2 bodies/c.mp4', 'music/song.mp3']) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), path.endsWith('mp3') ? Buffer.from(track.bytes, 'base64') : film);
    }
    // As the system drops it: only then browsers tell what is in a folder.
    const devtools = await page.context().newCDPSession(page);
    const data = { items: [], files: [folder], dragOperationsMask: 1 };
    for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
      await devtools.send('Input.dispatchDragEvent', { type, x: 600, y: 20, data });
    }
    await cards(page.getByRole('region', { name: 'Music' }), 1);
    assert.deepEqual(await page.locator('.block-name').count(), 2);
    assert.deepEqual([await namesIn(block('hooks')), await namesIn(block('bodies'))], [['a', 'b'], ['c']]);
    // Chosen by the button, the same folder adds to the blocks of its names.
    await page.getByLabel('A folder with clips').setInputFiles(folder);
    await cards(block('hooks'), 4);
    assert.deepEqual(await namesIn(block('hooks')), ['a', 'b', 'a 2', 'b 2']);
    await sent();
  });
});
