/** Builds the dependencies of the single-machine host: SQLite, the disk and the vendors that the settings choose. */
import { join } from 'node:path';
import { INCOMING } from '../adapters/disk/cache.ts';
import { createDiskOutputs, type DiskOutputs } from '../adapters/disk/outputs.ts';
import { sweepFolder } from '../adapters/disk/sweep.ts';
import { createChildRecords } from '../adapters/process/child-records.ts';
import { acquireHostLock } from '../adapters/process/host-lock.ts';
import { createSqliteAttempts } from '../adapters/sqlite/attempts.ts';
import { createSqliteLeases } from '../adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../adapters/sqlite/memo.ts';
import { createSqlitePins } from '../adapters/sqlite/pins.ts';
import { createSqliteProblems } from '../adapters/sqlite/problems.ts';
import { createSqlitePruning } from '../adapters/sqlite/pruning.ts';
import { createSqliteQueue } from '../adapters/sqlite/queue.ts';
import { createSqliteReports } from '../adapters/sqlite/reports.ts';
import { openDatabase } from '../adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../adapters/sqlite/tasks.ts';
import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { createSeal, sealedMemo } from '../coordination/seal.ts';
import { openFfmpeg } from '../media/open-ffmpeg.ts';
import { fileName, manifestName } from '../model/names.ts';
import type { TaskStore } from '../ports.ts';
import { chooseAdapters } from './choose-adapters.ts';
import { closeDataDir, dataFolders } from './data-folders.ts';
import { type Instrumentation, NO_INSTRUMENTATION } from './instrumentation.ts';
import { pruneFromTimeToTime } from './prune.ts';
import { signingKeyIn } from './signing-key.ts';
import { assemble } from './wire.ts';

/** Short, so that the waiting messages of one task make room for those of others. Waiting again costs nothing. */
const PATIENCE_MS = 2_000;
/** Longer than STOP_LIMIT_MS of local.ts, in which the previous host stops. */
const LOCK_WAIT_MS = 12_000;
/** The names that pipeline/artifacts.ts gives its folders in tempDir. */
const WORK_DIR = /^work-[A-Za-z0-9]{6}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PAGE = 100;

/**
 * Takes the lock of the data folder, removes what a killed host left behind, and opens the adapters. Dispose of it
 * last.
 */
export async function composeLocal(
  config: Config,
  log: Log,
  instrumentation: Instrumentation = NO_INSTRUMENTATION,
) {
  await using starting = new AsyncDisposableStack();
  const umask = await inDataDir(config.dataDir, () => closeDataDir(config));
  starting.use(await lockIn(config.dataDir, log));
  // With the lock held, everything found here was left by a host that has ended.
  const children = createChildRecords({ dir: join(config.dataDir, 'children') });
  const childrenEnded = await children.endLeftOvers();
  const folders = dataFolders(config);
  const foldersSwept =
    (await sweepFolder(folders.temp, WORK_DIR)) +
    (await sweepFolder(join(folders.artifacts, INCOMING), UUID));

  const { ffmpeg, ...about } = await openFfmpeg({
    configured: config.ffmpegBin,
    searchPath: config.searchPath,
    cage: config.ffmpegCage,
    children,
    workDir: folders.empty,
    log,
  });
  starting.use(ffmpeg);

  const database = starting.use(
    await inDataDir(config.dataDir, () => openDatabase(join(config.dataDir, 'every-cut.sqlite'))),
  );
  const key = config.signingKey ?? (await inDataDir(config.dataDir, () => signingKeyIn(config.dataDir)));
  const seal = createSeal({ key, log });
  const tasks = createSqliteTasks({ database, seal });
  const outputs = createDiskOutputs({ dir: config.outputDir, umask });
  const partsRemoved = await removeParts(tasks, outputs);
  if (childrenEnded + foldersSwept + partsRemoved > 0) {
    log.info('Removed unfinished work of the previous host', {
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
  const chosen = starting.use(
    chooseAdapters({
      config,
      memo: sealedMemo(memo, seal),
      diskOutputs: outputs,
      sharedDisk: false,
    }),
  );
  const own = {
    tasks,
    reports: createSqliteReports({ database, seal }),
    pins: createSqlitePins({ database }),
    problems: createSqliteProblems({ database }),
    leases,
    attempts,
    queue,
    memo,
  };
  const limits = { patienceMs: PATIENCE_MS };
  const deps = assemble(own, chosen, { config, log, instrumentation, ffmpeg, ...limits, remade: 'here' });
  const { taskDays } = config;
  starting.use(pruneFromTimeToTime({ pruning: createSqlitePruning({ database, taskDays }), log }));
  const disposables = starting.move();
  return {
    deps,
    queue: deps.queue,
    lapseLeases: () => leases.lapseLeases(),
    endRests: () => attempts.endRests(),
    ffmpeg: about,
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

/**
 * Removes partly copied files from the output folders of unfinished tasks. Copies to another disk leave them behind.
 */
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
        log.notice(`Another service still uses ${dataDir} (${holder}); waiting for it to end`, {
          event: 'host.waiting',
          data_dir: dataDir,
        }),
    }),
  );
}

/** Turns errors of the system and of SQLite into one that says what to do. Errors of this service say so themselves. */
async function inDataDir<T>(dataDir: string, open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new Error(
      `Expected DATA_DIR (${dataDir}) to be a folder that this service can write to, got: ${error.message}. ` +
        'Fix it, or set another DATA_DIR.',
      { cause: error },
    );
  }
}
