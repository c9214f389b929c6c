/**
 * npm run demo [-- request.json] [-- --url http://...]: makes sample clips, posts a 2x2x2 task to the single-machine
 * host over HTTP, shows the result and makes a contact sheet of it. No account, no key.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import { createLog } from '../../functions/base/log.ts';
import { type Client, createClient, type ProcessMediaRequest } from '../../functions/client/client.ts';
import { type Config, type Environment, loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import type { RenderView } from '../../functions/model/answers/render.ts';
import { serveFiles } from '../media/file-server.ts';
import { makeSampleClips, type SampleClips } from '../media/sample-clips.ts';
import { shownTiles, tilesOf } from '../report/contact-sheet.ts';
import { drawContactSheets } from '../report/draw-sheets.ts';
import { createProgressBar } from '../report/progress-bar.ts';
import { reportTable, reportTotals } from '../report/report-table.ts';

const USAGE = `npm run demo                       2 hooks x 2 bodies x 2 calls to action, made on the spot
npm run demo -- request.json       posts that request instead
npm run demo -- --url http://...   posts to a service that is running`;

/** The settings that the demo's own host reads: no account, no key, and not where the real service listens. */
const READ_SETTINGS = [
  'PATH',
  'OUTPUT_DIR',
  'DATA_DIR',
  'FFMPEG_BIN',
  'FFMPEG_CAGE',
  'FFMPEG_THREADS',
  'VIDEO_ENCODER',
  'OFFLINE_VOICE',
  'RENDER_CONCURRENCY',
  'CACHE_MAX_MB',
  'MAX_COMBINATIONS',
  'MAX_CLIP_SECONDS',
  'MAX_SOURCE_MB',
  'LOG_LEVEL',
];
/** Inside DATA_DIR, so that the demo and the real service never pick up each other's tasks. */
const DATA_FOLDER = 'demo';
const DEFAULT_DATA_DIR = './.data';
/** The exit code that shells use for a program ended by Ctrl-C. */
const INTERRUPTED = 130;

interface Options {
  requestFile: string | undefined;
  url: string | undefined;
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(new Error('Stopped. Finished videos stay where they are.')));
  }
  try {
    const options = readOptions(process.argv.slice(2));
    if (!options) return print(USAGE);
    const env = demoEnvironment(readEnvironment(), options);
    process.exitCode = (await demo(options, loadConfig(env), stop.signal)) ? 0 : 1;
  } catch (error) {
    const shown = stop.signal.aborted ? stop.signal.reason : error;
    process.stderr.write(`${shown instanceof Error ? shown.message : shown}\n`);
    process.exitCode = stop.signal.aborted ? INTERRUPTED : 1;
  }
}

/** Undefined: show the usage. Throws on arguments that cannot be used. */
function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { url: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return undefined;
  if (positionals.length > 1) {
    throw new Error(`Expected at most one request file, got ${positionals.length}.\n${USAGE}`);
  }
  if (values.url !== undefined && !/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new Error(`Expected --url with an http(s) URL, got ${JSON.stringify(values.url)}.\n${USAGE}`);
  }
  return { requestFile: positionals[0], url: values.url };
}

function demoEnvironment(env: Environment, { url }: Options): Environment {
  const settings = Object.fromEntries(READ_SETTINGS.map((name) => [name, env[name]]));
  return {
    ...settings,
    DATA_DIR: join(env['DATA_DIR'] || DEFAULT_DATA_DIR, DATA_FOLDER),
    HOST: '127.0.0.1',
    PORT: '0',
    ALLOW_PRIVATE_URLS: 'true',
    // Needed only to call a service that is already running.
    API_KEY: url === undefined ? undefined : env['API_KEY'],
  };
}

/** Resolves to true if every combination became a video. */
async function demo({ requestFile, url }: Options, config: Config, signal: AbortSignal): Promise<boolean> {
  const given = requestFile === undefined ? undefined : await readRequest(requestFile);
  await using running = new AsyncDisposableStack();
  const request = given ?? (await sampleRequest(config, running, signal));
  signal.throwIfAborted();
  const service = url ?? (await startOwnHost(config, running, signal));
  const client = createClient({ url: service, apiKey: config.apiKey, signal });
  if (request.dry_run === true) return await showPlan(client, request);

  const accepted = await client.submit(request);
  for (const warning of accepted.warnings) print(`Note: ${warning}`);
  print(`"${accepted.task_name}": ${accepted.combinations} videos, seed ${accepted.seed}`);
  const status = await watched(client, accepted.task_id);
  const renders: RenderView[] = [];
  for await (const render of client.renders(accepted.task_id)) renders.push(render);
  print(`\n${reportTable(renders)}\n\n${reportTotals(status)}`);
  await showContactSheet(renders, accepted.task_id, config, signal);
  return status.succeeded === status.combinations;
}

async function showPlan(client: Client, request: ProcessMediaRequest): Promise<true> {
  for await (const page of client.plan(request)) print(JSON.stringify(page, null, 2));
  return true;
}

async function watched(client: Client, taskId: string) {
  using bar = createProgressBar(process.stdout);
  return await client.ended(taskId, { onStatus: (status) => bar.update(status) });
}

/** A picture is no reason for the demo to fail: without one it says why. */
async function showContactSheet(
  renders: readonly RenderView[],
  taskId: string,
  config: Config,
  signal: AbortSignal,
) {
  const tiles = shownTiles(tilesOf(renders));
  const [first] = tiles;
  // Nothing succeeded, or the videos are on Drive or in a bucket.
  if (first === undefined) return;
  try {
    const sheets = await drawContactSheets({ tiles, folder: dirname(first.path), taskId, config, signal });
    for (const sheet of sheets) print(`sheet      ${sheet}`);
  } catch (error) {
    signal.throwIfAborted();
    print(`Warning: there is no contact sheet. ${error instanceof Error ? error.message : error}`);
  }
}

/** What is wrong with a request, the service says. */
async function readRequest(file: string): Promise<ProcessMediaRequest> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessMediaRequest;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      `Expected a request to post in ${file}, got ${code ?? `no JSON (${message})`}. ` +
        `Next step: give the path of a JSON file, from ${process.cwd()}.`,
      { cause: error },
    );
  }
}

/** Makes clips in a folder of their own and serves them over HTTP until `running` ends. */
async function sampleRequest(
  config: Config,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<ProcessMediaRequest> {
  print('Making sample clips ...');
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  // Whoever removed it between two demos wants it again. The service would ask whether its disk is mounted.
  await mkdir(config.outputDir, { recursive: true });
  const dir = await mkdtemp(join(config.dataDir, 'samples-'));
  running.defer(() => rm(dir, { recursive: true, force: true }));
  const { path } = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  const clips = await makeSampleClips({ ffmpeg: path, dir, signal });
  const server = running.use(await serveFiles(Object.values(clips).flat()));
  return demoRequest(clips, server.url);
}

export function demoRequest({ hooks, bodies, ctas, tracks }: SampleClips, url: (file: string) => string) {
  return {
    task_name: 'Every Cut demo',
    video_blocks: { hooks: hooks.map(url), bodies: bodies.map(url), ctas: ctas.map(url) },
    audio_blocks: { music: tracks.map(url) },
    text_to_speech: [
      { text: 'Hooks, bodies and calls to action. Every combination, one video each.', voice: 'Sarah' },
      { text: 'Post your clips once, and pick up every cut.', voice: 'Brian' },
    ],
  };
}

/** The real service on a free port until `running` ends. It logs to a file: lines on the terminal would break the bar. */
async function startOwnHost(
  config: Config,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<string> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 });
  // Whoever removed it between two demos wants it again. The service would ask whether its disk is mounted.
  await mkdir(config.outputDir, { recursive: true });
  const file = join(config.dataDir, 'demo.log');
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', () => print(`${file} cannot be written: this demo has no log.`));
  running.defer(() => new Promise<void>((resolve) => stream.end(resolve)));
  const log = createLog({ level: config.logLevel, pretty: false, write: (line) => stream.write(line) });
  const host = await startHost(config, log);
  running.defer(async () => {
    await host.stop();
    if (signal.aborted) await forgetTasks(config.dataDir);
  });
  print(`Service at ${host.url}, log in ${file}`);
  return host.url;
}

/** Otherwise the next demo would resume this one's task, whose clips are gone. Prepared clips are kept. */
async function forgetTasks(dataDir: string): Promise<void> {
  const files = await readdir(dataDir);
  const database = files.filter((name) => name.startsWith('every-cut.sqlite'));
  await Promise.all(database.map((name) => rm(join(dataDir, name), { force: true })));
}

/** Names and errors come from the service and its callers: none of them may command the terminal. */
function print(text: string): void {
  process.stdout.write(`${text.split('\n').map(escapeHidden).join('\n')}\n`);
}

if (import.meta.main) await main();
