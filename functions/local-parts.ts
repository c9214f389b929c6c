/** What the single-machine host is made of: the embedded adapters. */
import { join } from 'node:path';
import { createDiskArtifacts } from './adapters/disk-artifacts.ts';
import { createDiskOutputs } from './adapters/disk-outputs.ts';
import { createDownloads } from './adapters/download.ts';
import { createEspeakSpeech } from './adapters/espeak.ts';
import { type Database, openDatabase } from './adapters/sqlite.ts';
import { createSqliteLeases } from './adapters/sqlite-leases.ts';
import { createSqlitePins } from './adapters/sqlite-pins.ts';
import { createSqliteQueue } from './adapters/sqlite-queue.ts';
import { createSqliteReports } from './adapters/sqlite-reports.ts';
import { createSqliteTasks } from './adapters/sqlite-tasks.ts';
import { createSqliteUrls } from './adapters/sqlite-urls.ts';
import { assemble, NO_SEAMS, type Seams } from './assembly.ts';
import { type Config, isLoopback } from './config.ts';
import type { Log } from './log.ts';
import { createFfmpeg, findFfmpeg } from './media/ffmpeg.ts';

const MB = 1024 * 1024;
/** Encoders at a time: one keeps all threads busy, more only take memory. */
const ENCODERS = 1;
/** Short, so that one task's waiting messages leave their places to another's; to wait again costs nothing. */
const PATIENCE_MS = 2_000;

/** The parts of the host, ready for work that nobody has begun. Dispose of them after everything that uses them. */
export async function composeLocal(config: Config, log: Log, seams: Seams = NO_SEAMS) {
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
  const queue = createSqliteQueue({
    database,
    onError: (error, message) =>
      log.error('The queue failed', { event: 'message.dead_lettered', error, ...(message ?? {}) }),
  });
  const adapters = seams.adapters({
    tasks: createSqliteTasks({ database }),
    reports: createSqliteReports({ database }),
    pins: createSqlitePins({ database }),
    leases,
    queue,
    urls: createSqliteUrls({ database }),
    artifacts: createDiskArtifacts({
      dir: join(config.dataDir, 'artifacts'),
      maxBytes: config.cacheMaxMb * MB,
    }),
    outputs: createDiskOutputs({ dir: config.outputDir }),
    downloads: starting.use(
      createDownloads({ allowPrivate: config.allowPrivateUrls, maxBytes: config.maxSourceMb * MB }),
    ),
    speech: starting.use(createEspeakSpeech()),
  });
  const deps = {
    ...assemble(adapters, {
      ffmpeg,
      log,
      tempDir: join(config.dataDir, 'tmp'),
      patienceMs: PATIENCE_MS,
      encoders: ENCODERS,
      mixers: config.renderConcurrency,
      threads: config.ffmpegThreads,
      maxClipSeconds: config.maxClipSeconds,
    }),
    run: seams.run,
    limits: { combinations: config.maxCombinations },
    apiKey: config.apiKey,
    hosts: hostsOf(config),
    baseUrl: (request: Request) => (config.publicUrl ?? new URL(request.url).origin).replace(/\/+$/, ''),
  };
  const disposables = starting.move();
  return {
    deps,
    queue: adapters.queue,
    lapseLeases: () => leases.lapseLeases(),
    ffmpeg: { version, origin: binary.origin },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
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
