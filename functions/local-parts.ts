/**
 * What the single-machine host is made of: the embedded adapters, and the steps on top of them.
 */
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
import { createArtifacts } from './artifacts.ts';
import { type Config, isLoopback } from './config.ts';
import { createFetching } from './fetching.ts';
import type { Log } from './log.ts';
import { createFfmpeg, findFfmpeg } from './media/ffmpeg.ts';
import { fairSlots } from './slots.ts';
import { createSources } from './sources.ts';

const MB = 1024 * 1024;
/** Encoders at a time: one keeps all threads busy, more only take memory. */
const ENCODERS = 1;
/** Short, so that one task's waiting messages leave their places to another's; to wait again costs nothing. */
const PATIENCE_MS = 2_000;

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
    encoding: fairSlots(ENCODERS),
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
    mixing: fairSlots(config.renderConcurrency),
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
