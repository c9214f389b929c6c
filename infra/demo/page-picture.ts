/**
 * Makes the picture of the page that README.md begins with: a host of its own makes the videos of the demo, and a browser
 * shows them. `node_modules/.bin/node infra/demo/page-picture.ts [CHROMIUM]` writes infra/demo/page.jpg; CHROMIUM is the path
 * of a browser, /usr/bin/chromium if left out.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { setMode } from '../../functions/adapters/shared/files.ts';
import { createLog } from '../../functions/base/log.ts';
import { createClient } from '../../functions/client/client.ts';
import { type Config, loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { serveFiles } from '../media/file-server.ts';
import { makeSampleClips } from '../media/sample-clips.ts';
import { demoRequest } from './demo.ts';

const PICTURE = join(import.meta.dirname, 'page.jpg');
const SIZE = { width: 1280, height: 985 };
/** Of JPEG, of 100: text stays sharp, and the picture is below 250 KB. */
const QUALITY = 82;
/** A machine that has much to do takes long to show a page. */
const LIMIT_MS = 120_000;
const NAME = 'Spring sale';
/** In place of a temporary folder, which says nothing to readers. */
const SHOWN_FOLDER = `/home/you/every-cut/output/${NAME}`;
/** Numbers of videos. */
const STARRED = [2, 5];

async function main(browser: string): Promise<void> {
  await using running = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), 'page-picture-'));
  running.defer(() => rm(dir, { recursive: true, force: true }));
  const { PATH, FFMPEG_BIN } = readEnvironment();
  const folders = { DATA_DIR: join(dir, 'data'), OUTPUT_DIR: join(dir, 'output') };
  await mkdir(folders.OUTPUT_DIR);
  const config = loadConfig({ PATH, FFMPEG_BIN, PORT: '0', ALLOW_PRIVATE_URLS: 'true', ...folders });
  const host = await startHost(config, createLog({ level: 'error', pretty: true, write: () => {} }));
  running.defer(() => host.stop());
  const taskId = await makeVideos(host.url, config, dir, running);
  const args = ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'];
  const opened = await chromium.launch({ executablePath: browser, args });
  running.defer(() => opened.close());
  const page = await opened.newPage({ viewport: SIZE, colorScheme: 'light' });
  page.setDefaultTimeout(LIMIT_MS);
  await page.goto(`${host.url}/#/tasks/${taskId}`);
  await arrange(page);
  await page.screenshot({ path: PICTURE, type: 'jpeg', quality: QUALITY });
  // The host in this process keeps new files private.
  await setMode(PICTURE, 0o644);
  process.stdout.write(`${PICTURE}\n`);
}

/** Resolves with the id of the task once all its videos are made. */
async function makeVideos(
  url: string,
  { ffmpegBin: configured, searchPath }: Config,
  dir: string,
  running: AsyncDisposableStack,
): Promise<string> {
  const { signal } = new AbortController();
  const samples = join(dir, 'samples');
  await mkdir(samples);
  const { path: ffmpeg } = findFfmpeg({ configured, searchPath });
  const clips = await makeSampleClips({ ffmpeg, dir: samples, signal });
  const server = running.use(await serveFiles(Object.values(clips).flat()));
  const client = createClient({ url });
  const request = { ...demoRequest(clips, server.url), task_name: NAME };
  const { task_id: taskId, combinations } = await client.submit(request);
  const { succeeded } = await client.ended(taskId);
  if (succeeded !== combinations) throw new Error(`Expected ${combinations} videos, got ${succeeded}.`);
  return taskId;
}

/** Waits for the pictures of the videos that can be seen, and stars some. */
async function arrange(page: Page): Promise<void> {
  for (const number of STARRED) {
    await page.getByRole('button', { name: `Star video ${number},` }).click();
  }
  const videos = page.getByRole('button', { name: /^Play video/ });
  await videos.first().waitFor();
  const shown = await videos.count();
  await videos
    .locator('img')
    .nth(shown - 1)
    .waitFor({ state: 'attached' });
  await page.evaluate(`for (const place of document.querySelectorAll('main code')) {
    if (place.textContent.endsWith(${JSON.stringify(`/${NAME}`)})) place.textContent = ${JSON.stringify(SHOWN_FOLDER)};
  }`);
  await page.evaluate('document.activeElement?.blur(); scrollTo(0, 0)');
  await page.mouse.move(0, 0);
}

if (import.meta.main) await main(process.argv[2] ?? '/usr/bin/chromium');
