/** What the single-machine host is made of: the embedded adapters, and the vendors that the settings choose. */
import { join } from 'node:path';
import { INCOMING } from '../adapters/disk/cache.ts';
import { createDiskOutputs, type DiskOutputs } from '../adapters/disk/outputs.ts';
import { sweepFolder } from '../adapters/disk/sweep.ts';
import { createChildRecords } from '../adapters/process/child-records.ts';
import { acquireHostLock, HostLockedError } from '../adapters/process/host-lock.ts';
import { createSqliteAttempts } from '../adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../adapters/sqlite/memo.ts';
import { createSqlitePins } from '../adapters/sqlite/pins.ts';
import { createSqliteQueue } from '../adapters/sqlite/queue.ts';
import { createSqliteReports } from '../adapters/sqlite/reports.ts';
import { openDatabase } from '../adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../adapters/sqlite/tasks.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { createFfmpeg } from '../media/ffmpeg.ts';
import { findFfmpeg } from '../media/find-ffmpeg.ts';
import { fileName, manifestName } from '../model/names.ts';
import type { TaskStore } from '../ports.ts';
import { chooseAdapters } from './choose-adapters.ts';
import { type Instrumentation, NO_INSTRUMENTATION } from './instrumentation.ts';
import { apiSettings, assemble } from './wire.ts';

/** Encoders at a time: one keeps all threads busy, more only take memory. */
const ENCODERS = 1;
/** Short, so that one task's waiting messages leave their places to another's; to wait again costs nothing. */
const PATIENCE_MS = 2_000;
/** Longer than the last host may take to stop. */
const LOCK_WAIT_MS = 12_000;
/** As artifacts.ts names its folders in tempDir. */
const WORK_DIR = /^work-[A-Za-z0-9]{6}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAGE = 100;

/** The parts of the host, ready for work that nobody has begun. Dispose of them after everything that uses them. */
export async function composeLocal(
  config: Config,
  log: Log,
  instrumentation: Instrumentation = NO_INSTRUMENTATION,
) {
  await using starting = new AsyncDisposableStack();
  starting.use(await lockIn(config.dataDir, log));
  // From here on there is no other host: what is found of one is of a dead one.
  const children = createChildRecords({ dir: join(config.dataDir, 'children') });
  const childrenEnded = await children.endLeftOvers();
  const artifactsDir = join(config.dataDir, 'artifacts');
  const tempDir = join(config.dataDir, 'tmp');
  const foldersSwept =
    (await sweepFolder(tempDir, WORK_DIR)) + (await sweepFolder(join(artifactsDir, INCOMING), UUID));

  const binary = findFfmpeg({ configured: config.ffmpegBin, searchPath: config.searchPath });
  const ffmpeg = starting.use(createFfmpeg({ path: binary.path, children }));
  const version = await ffmpeg.version().catch((cause: unknown) => {
    const origin = config.ffmpegBin === undefined ? binary.origin : 'FFMPEG_BIN';
    throw new Error(
      `Expected ${binary.path} (${origin}) to be ffmpeg, got no version from it. Set FFMPEG_BIN.`,
      { cause },
    );
  });

  const database = starting.use(
    await inDataDir(config.dataDir, () => openDatabase(join(config.dataDir, 'every-cut.sqlite'))),
  );
  const tasks = createSqliteTasks({ database });
  const outputs = createDiskOutputs({ dir: config.outputDir });
  const partsRemoved = await removeParts(tasks, outputs);
  if (childrenEnded + foldersSwept + partsRemoved > 0) {
    log.info('Cleared away what the last host was ended in', {
      event: 'host.cleared',
      children_ended: childrenEnded,
      folders_swept: foldersSwept,
      parts_removed: partsRemoved,
    });
  }
  const leases = createSqliteLeases({ database });
  leases.lapseLeases();
  const attempts = createSqliteAttempts({ database });
  attempts.endRests();
  const queue = createSqliteQueue({
    database,
    onError: (error, message) =>
      log.error('The queue failed', { event: 'message.dead_lettered', error, ...(message ?? {}) }),
  });
  const memo = createSqliteMemo({ database });
  const vendors = starting.use(
    chooseAdapters({
      config,
      memo,
      diskOutputs: outputs,
      artifactsDir,
      tempDir,
      sharedDisk: false,
    }),
  );
  const adapters = instrumentation.adapters({
    tasks,
    reports: createSqliteReports({ database }),
    pins: createSqlitePins({ database }),
    leases,
    attempts,
    queue,
    memo,
    artifacts: vendors.artifacts,
    outputs: vendors.outputs,
    downloads: vendors.downloads,
    speech: vendors.speech,
  });
  const deps = {
    ...assemble(adapters, {
      ffmpeg,
      log,
      tempDir,
      patienceMs: PATIENCE_MS,
      encoders: ENCODERS,
      mixers: config.renderConcurrency,
      threads: config.ffmpegThreads,
      maxClipSeconds: config.maxClipSeconds,
    }),
    run: instrumentation.run,
    ...apiSettings(config),
  };
  const disposables = starting.move();
  return {
    deps,
    queue: adapters.queue,
    lapseLeases: () => leases.lapseLeases(),
    endRests: () => attempts.endRests(),
    ffmpeg: { version, origin: binary.origin },
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/** Of copies to another disk, in the folders of the tasks that go on now. */
async function removeParts(tasks: TaskStore, outputs: DiskOutputs): Promise<number> {
  let removed = 0;
  let after: string | undefined;
  for (;;) {
    const ids = await tasks.unfinished(PAGE, after);
    for (const id of ids) {
      const task = await tasks.get(id);
      if (task === undefined) continue;
      const videos = task.plan.combinations.map((combination) => fileName(task, combination));
      const names = [...videos, manifestName(id, 'json'), manifestName(id, 'csv')];
      removed += await outputs.removeParts(task.folder, names);
    }
    after = ids.at(-1);
    if (ids.length < PAGE) return removed;
  }
}

function lockIn(dataDir: string, log: Log): Promise<Disposable> {
  return inDataDir(dataDir, () =>
    acquireHostLock({
      dir: dataDir,
      waitMs: LOCK_WAIT_MS,
      onWait: (holder) =>
        log.notice(`Another service still uses ${dataDir} (${holder}); waiting for its end`, {
          event: 'host.waiting',
          data_dir: dataDir,
        }),
    }),
  );
}

/** Says what to do where the folder does not let us. */
async function inDataDir<T>(dataDir: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (HostLockedError.is(error)) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `Expected DATA_DIR (${dataDir}) to be a folder of this service that can be written to, got: ${reason}. ` +
        'Mend it, or set another DATA_DIR.',
      { cause: error },
    );
  }
}
