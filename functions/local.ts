/**
 * The single-machine host: the same handlers as in the cloud, on SQLite and disk, in one process.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { toNodeHandler } from 'srvx/node';
import { createDiskArtifacts } from './adapters/disk-artifacts.ts';
import { createDiskOutputs } from './adapters/disk-outputs.ts';
import { createDownloads } from './adapters/download.ts';
import { createEspeakSpeech } from './adapters/espeak.ts';
import { type Database, openDatabase } from './adapters/sqlite.ts';
import { createSqliteLeases } from './adapters/sqlite-leases.ts';
import { createSqlitePins } from './adapters/sqlite-pins.ts';
import { type Consumer, createSqliteQueue } from './adapters/sqlite-queue.ts';
import { createSqliteReports } from './adapters/sqlite-reports.ts';
import { createSqliteTasks } from './adapters/sqlite-tasks.ts';
import { createSqliteUrls } from './adapters/sqlite-urls.ts';
import { createApi } from './api.ts';
import { createArtifacts } from './artifacts.ts';
import { complete } from './complete.ts';
import { type Config, isLoopback, loadConfig, readEnvironment } from './config.ts';
import { deadLetter } from './dead-letter.ts';
import { TransientError } from './errors.ts';
import { createFetching } from './fetching.ts';
import { createLog, type Log } from './log.ts';
import { createFfmpeg, findFfmpeg } from './media/ffmpeg.ts';
import type { Delivery, MessageOf, Topic } from './ports.ts';
import { prepare } from './prepare.ts';
import { render } from './render.ts';
import { createSources } from './sources.ts';
import { sweep } from './sweep.ts';

const MB = 1024 * 1024;
/** Sources worked on at a time: downloads wait for the network, encoding has slots of its own. */
const PREPARES = 16;
/** Encoders at a time: one keeps all threads busy, more only take memory. */
const ENCODERS = 1;
/** Renders in flight beyond those being mixed; they wait for their sources, which costs nothing. */
const WAITING_RENDERS = 30;
const COMPLETIONS = 2;
/** Short, so that one task's waiting messages leave their places to another's; to wait again costs nothing. */
const PATIENCE_MS = 2_000;
const SWEEP_EVERY_MS = 60_000;

export interface Host {
  /** http://host:port, without a slash at the end. */
  url: string;
  /** Stops taking work, ends what is under way (it is taken up at the next start), closes all files. */
  stop(): Promise<void>;
}

/** The parts of the host, ready for work that nobody has begun. Dispose of them after everything that uses them. */
export async function composeLocal(config: Config, log: Log) {
  await using starting = new AsyncDisposableStack();
  const binary = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  const ffmpeg = starting.use(createFfmpeg({ path: binary.path }));
  const version = await ffmpeg.version().catch((cause: unknown) => {
    const origin = config.ffmpegBin === undefined ? binary.origin : 'FFMPEG_BIN';
    throw new Error(
      `Expected ${binary.path} (${origin}) to be ffmpeg, got no version from it. Set FFMPEG_BIN.`,
      { cause },
    );
  });

  const database = starting.use(openIn(config.dataDir));
  const leases = createSqliteLeases({ database });
  leases.lapseLeases();
  const pins = createSqlitePins({ database });
  const queue = createSqliteQueue({
    database,
    onError: (error, message) =>
      log.error('The queue failed', { event: 'message.dead_lettered', error, ...(message ?? {}) }),
  });
  const downloads = starting.use(
    createDownloads({ allowPrivate: config.allowPrivateUrls, maxBytes: config.maxSourceMb * MB }),
  );
  const speech = starting.use(createEspeakSpeech());
  const tempDir = join(config.dataDir, 'tmp');
  const artifacts = createArtifacts({
    store: createDiskArtifacts({ dir: join(config.dataDir, 'artifacts'), maxBytes: config.cacheMaxMb * MB }),
    leases,
    tempDir,
  });
  const fetching = createFetching({
    pins,
    leases,
    artifacts,
    downloads,
    urls: createSqliteUrls({ database }),
    ffmpeg,
    tempDir,
    patienceMs: PATIENCE_MS,
  });
  const sources = createSources({
    fetching,
    pins,
    artifacts,
    speech,
    ffmpeg,
    encoding: pLimit(ENCODERS),
    tempDir,
    threads: config.ffmpegThreads,
    maxClipSeconds: config.maxClipSeconds,
  });
  const deps = {
    tasks: createSqliteTasks({ database }),
    reports: createSqliteReports({ database }),
    outputs: createDiskOutputs({ dir: config.outputDir }),
    pins,
    leases,
    queue,
    artifacts,
    sources,
    speech,
    ffmpeg,
    log,
    tempDir,
    mixing: pLimit(config.renderConcurrency),
    patienceMs: PATIENCE_MS,
    limits: { combinations: config.maxCombinations },
    apiKey: config.apiKey,
    hosts: hostsOf(config),
    baseUrl: (request: Request) => (config.publicUrl ?? new URL(request.url).origin).replace(/\/+$/, ''),
  };
  const disposables = starting.move();
  return {
    deps,
    queue,
    lapseLeases: () => leases.lapseLeases(),
    ffmpeg: { version, origin: binary.origin },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** Starts the host; resolves when it listens. Rejects when it cannot: no ffmpeg, port taken, folder not writable. */
export async function startHost(config: Config, log: Log): Promise<Host> {
  await using starting = new AsyncDisposableStack();
  const { deps, queue, ffmpeg } = starting.use(await composeLocal(config, log));

  // srvx types its handler for HTTP/2 as well; this server speaks HTTP/1.1.
  const server = createServer(toNodeHandler(createApi(deps)) as RequestListener);
  const url = await listen(server, config);
  starting.defer(() => closed(server));

  const consume = <T extends Topic>(
    topic: T,
    concurrency: number,
    stage: (message: MessageOf<T>, delivery: Delivery, own: typeof deps) => Promise<void>,
  ): Consumer =>
    queue.consume(topic, {
      concurrency,
      handler: async (message, delivery) => {
        try {
          await stage(message, delivery, deps);
        } catch (error) {
          if (!delivery.signal.aborted) logHandedBack(log, message, delivery.deliveries, error);
          throw error;
        }
      },
    });
  const consumers = [
    consume('prepare', PREPARES, prepare),
    consume('render', config.renderConcurrency + WAITING_RENDERS, render),
    consume('complete', COMPLETIONS, complete),
    consume('dead-letter', 1, deadLetter),
  ];
  starting.defer(async () => {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
  });
  starting.use(sweepFromTimeToTime(deps));

  log.notice(`Listening on ${url}; videos go to ${config.outputDir}`, {
    event: 'host.started',
    url,
    output_dir: config.outputDir,
    data_dir: config.dataDir,
    ffmpeg: ffmpeg.version,
    ffmpeg_origin: ffmpeg.origin,
    render_concurrency: config.renderConcurrency,
  });
  const running = starting.move();
  return { url, stop: () => running.disposeAsync() };
}

/** Without a key, only names of this machine are answered: a page elsewhere can point its own name here. */
function hostsOf({ apiKey, publicUrl }: Config): ((hostname: string) => boolean) | undefined {
  if (apiKey !== undefined) return undefined;
  const own = publicUrl === undefined ? undefined : new URL(publicUrl).hostname;
  return (hostname) => isLoopback(hostname) || hostname === own;
}

function openIn(dataDir: string): Database {
  try {
    return openDatabase(join(dataDir, 'every-cut.sqlite'));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Expected DATA_DIR (${dataDir}) to be a folder of this service that can be written to, got: ${reason}. ` +
        'Mend it, or set another DATA_DIR.',
      { cause: error },
    );
  }
}

function sweepFromTimeToTime(deps: Parameters<typeof sweep>[0]): AsyncDisposable {
  let running: Promise<void> | undefined;
  const start = () => {
    running ??= sweep(deps)
      .catch((error: unknown) => deps.log.error('The sweep failed', { event: 'sweep.failed', error }))
      .finally(() => {
        running = undefined;
      });
  };
  start();
  const timer = setInterval(start, SWEEP_EVERY_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}

function logHandedBack(
  log: Log,
  { topic, taskId, ...rest }: MessageOf<Topic>,
  delivery: number,
  error: unknown,
): void {
  const known = TransientError.is(error);
  const fields = { event: 'message.handed_back', task_id: taskId, topic, ...rest, delivery, error } as const;
  if (known && error.code === 'waiting') log.debug(`A ${topic} waits: ${error.message}`, fields);
  else log.warn(`A ${topic} is tried again later: ${known ? error.message : 'unforeseen error'}`, fields);
}

function listen(server: Server, { host, port }: Config): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const told =
      cause.code === 'EADDRINUSE'
        ? `Expected port ${port} to be free, got one in use. Stop what uses it, or set PORT (0 takes any free one).`
        : `Expected HOST ${host} and PORT ${port} to be an address of this machine, got ${cause.code}. Mend HOST or PORT.`;
    reject(new Error(told, { cause }));
  });
  server.listen({ host: host.replace(/^\[|\]$/g, ''), port }, () => {
    const { address, family, port: own } = server.address() as AddressInfo;
    resolve(`http://${family === 'IPv6' ? `[${address}]` : address}:${own}`);
  });
  return promise;
}

async function closed(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await promise;
}

async function main(): Promise<void> {
  try {
    const config = loadConfig(readEnvironment());
    const log = createLog({
      level: config.logLevel,
      pretty: process.stdout.isTTY === true,
      write: (line) => process.stdout.write(line),
    });
    const host = await startHost(config, log);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        log.info('Stopping; unfinished work goes on at the next start', { event: 'host.stopping', signal });
        void host.stop();
      });
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

if (import.meta.main) await main();
