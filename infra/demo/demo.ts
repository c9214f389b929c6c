/**
 * npm run demo [-- request.json] [-- --url http://...]: makes sample clips, posts a 2x2x2 task to the single-machine
 * host over HTTP and shows what comes of it. No account, no key.
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createLog } from '../../functions/base/log.ts';
import { type Config, type Environment, loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { startHost } from '../../functions/hosts/local.ts';
import { findFfmpeg } from '../../functions/media/find-ffmpeg.ts';
import { serveFiles } from '../media/file-server.ts';
import { makeSampleClips, type SampleClips } from '../media/sample-clips.ts';
import { createProgressBar } from './progress-bar.ts';
import { reportTable, reportTotals } from './report-table.ts';
import { createTaskClient } from './task-client.ts';

const USAGE = `npm run demo                       2 hooks x 2 bodies x 2 calls to action, made on the spot
npm run demo -- request.json       posts that request instead
npm run demo -- --url http://...   posts to a service that is running`;

/** What of the environment the demo's own host heeds: never an account, a key, or where the real service listens. */
const HEEDED = [
  'PATH',
  'OUTPUT_DIR',
  'DATA_DIR',
  'FFMPEG_BIN',
  'FFMPEG_THREADS',
  'RENDER_CONCURRENCY',
  'CACHE_MAX_MB',
  'MAX_COMBINATIONS',
  'MAX_CLIP_SECONDS',
  'MAX_SOURCE_MB',
  'LOG_LEVEL',
];
/** Within DATA_DIR, so that the demo never takes up tasks of the real service, nor the other way round. */
const DATA_FOLDER = 'demo';
const DEFAULT_DATA_DIR = './.data';
/** As shells report a program ended by Ctrl-C. */
const INTERRUPTED = 130;

interface Options {
  requestFile: string | undefined;
  url: string | undefined;
}

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () =>
      stop.abort(new Error('Stopped. Videos that were finished stay where they are.')),
    );
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

/** Undefined: show the usage. Throws where the arguments make no sense. */
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
  const heeded = Object.fromEntries(HEEDED.map((name) => [name, env[name]]));
  return {
    ...heeded,
    DATA_DIR: join(env['DATA_DIR'] || DEFAULT_DATA_DIR, DATA_FOLDER),
    HOST: '127.0.0.1',
    PORT: '0',
    ALLOW_PRIVATE_URLS: 'true',
    // The key of the service that is called; the demo's own host needs none.
    API_KEY: url === undefined ? undefined : env['API_KEY'],
  };
}

/** True when every combination became a video. */
async function demo({ requestFile, url }: Options, config: Config, signal: AbortSignal): Promise<boolean> {
  const given = requestFile === undefined ? undefined : await readRequest(requestFile);
  await using running = new AsyncDisposableStack();
  const body = given ?? (await sampleRequest(config, running, signal));
  signal.throwIfAborted();
  const service = url ?? (await startOwnHost(config, running, signal));
  const client = createTaskClient({ url: service, apiKey: config.apiKey, signal });

  const accepted = await client.post(body);
  for (const warning of accepted.warnings) print(`Note: ${warning}`);
  if (accepted.status_url === undefined) {
    print(JSON.stringify(accepted, null, 2));
    return true;
  }
  print(`"${accepted.task_name}": ${accepted.combinations} combinations, seed ${accepted.seed}`);
  const status = await watched(client, accepted.status_url);
  const renders = await client.renders(accepted.status_url);
  print(`\n${reportTable(renders)}\n\n${reportTotals(status)}`);
  return status.succeeded === status.combinations;
}

async function watched(client: ReturnType<typeof createTaskClient>, statusUrl: string) {
  using bar = createProgressBar(process.stdout);
  return await client.watch(statusUrl, (status) => bar.update(status));
}

async function readRequest(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new Error(
      `Expected a request to post in ${file}, got ${code}. Next step: give the path of a JSON file, from ${process.cwd()}.`,
      { cause: error },
    );
  }
}

/** Clips in a folder of their own, served over HTTP until `running` ends. */
async function sampleRequest(
  config: Config,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<string> {
  print('Making sample clips ...');
  await mkdir(config.dataDir, { recursive: true });
  const dir = await mkdtemp(join(config.dataDir, 'samples-'));
  running.defer(() => rm(dir, { recursive: true, force: true }));
  const { path } = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  const clips = await makeSampleClips({ ffmpeg: path, dir, signal });
  const server = running.use(await serveFiles(Object.values(clips).flat()));
  return JSON.stringify(demoRequest(clips, server.url));
}

export function demoRequest({ hooks, bodies, ctas, tracks }: SampleClips, url: (file: string) => string) {
  return {
    task_name: 'Every Cut demo',
    video_blocks: { hooks: hooks.map(url), bodies: bodies.map(url), ctas: ctas.map(url) },
    audio_blocks: { music: tracks.map(url) },
    text_to_speach: [
      { text: 'Hooks, bodies and calls to action. Every combination, one video each.', voice: 'Sarah' },
      { text: 'Post your clips once, and pick up every cut.', voice: 'Brian' },
    ],
  };
}

/** The real service on a free port, until `running` ends; its log goes to a file, so that the bar stays whole. */
async function startOwnHost(
  config: Config,
  running: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<string> {
  await mkdir(config.dataDir, { recursive: true });
  const file = join(config.dataDir, 'demo.log');
  const stream = createWriteStream(file, { flags: 'a' });
  running.defer(() => new Promise<void>((resolve) => stream.end(resolve)));
  const log = createLog({ level: config.logLevel, pretty: false, write: (line) => stream.write(line) });
  const host = await startHost(config, log);
  running.defer(async () => {
    await host.stop();
    if (signal.aborted) await forgetTasks(config.dataDir);
  });
  print(`Service at ${host.url}, its log in ${file}`);
  return host.url;
}

/** Else the next demo would go on with this one's task, whose clips are gone. Prepared clips are kept. */
async function forgetTasks(dataDir: string): Promise<void> {
  const files = await readdir(dataDir);
  const database = files.filter((name) => name.startsWith('every-cut.sqlite'));
  await Promise.all(database.map((name) => rm(join(dataDir, name), { force: true })));
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (import.meta.main) await main();
