/** Builds the dependencies of the single-machine host: SQLite, the disk and the vendors that the settings choose. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { INCOMING } from '../adapters/disk/cache.ts';
import { createOutputFolders } from '../adapters/disk/output-folders.ts';
import { createDiskOutputs } from '../adapters/disk/outputs.ts';
import { sweepFolder } from '../adapters/disk/sweep.ts';
import { PART } from '../adapters/disk/uploads.ts';
import { createChildRecords } from '../adapters/process/child-records.ts';
import { acquireHostLock } from '../adapters/process/host-lock.ts';
import { DAY_MS } from '../adapters/shared/memory.ts';
import { createSqliteAttempts } from '../adapters/sqlite/attempts.ts';
import { removeCopies } from '../adapters/sqlite/kept-copy.ts';
import { createSqliteLeases } from '../adapters/sqlite/leases.ts';
import { createSqliteMemo } from '../adapters/sqlite/memo.ts';
import { createSqlitePins } from '../adapters/sqlite/pins.ts';
import { createSqliteProblems } from '../adapters/sqlite/problems.ts';
import { createSqlitePruning } from '../adapters/sqlite/pruning.ts';
import { createSqliteQueue } from '../adapters/sqlite/queue.ts';
import { createSqliteReports } from '../adapters/sqlite/reports.ts';
import { openDatabase } from '../adapters/sqlite/sqlite.ts';
import { createSqliteTasks } from '../adapters/sqlite/tasks.ts';
import { createSqliteUsage } from '../adapters/sqlite/usage.ts';
import { createSqliteWebhooks } from '../adapters/sqlite/webhooks.ts';
import { detectSleep } from '../base/awake.ts';
import { isExpected } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { traceparent } from '../base/trace.ts';
import type { Config } from '../config/config.ts';
import { createSeal, sealedMemo } from '../coordination/seal.ts';
import { usableEncoder } from '../media/encoder-trial.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { openFfmpeg } from '../media/open-ffmpeg.ts';
import type { HardwareName } from '../model/pins.ts';
import { workDir } from '../pipeline/artifacts.ts';
import { chooseAdapters } from './choose-adapters.ts';
import { DATABASE, damaged, emptied, inDataDir } from './data-dir-errors.ts';
import { checkDataFolders, closeDataDir, dataFolders } from './data-folders.ts';
import { type GuardedDatabase, guardDatabase } from './guarded-database.ts';
import { type Instrumentation, NO_INSTRUMENTATION } from './instrumentation.ts';
import { localChecks } from './local-checks.ts';
import { localFigures } from './local-figures.ts';
import { lookThrough } from './look-through.ts';
import { measuredQueue } from './measured-adapters.ts';
import { createOutputOutage, watchOutputs } from './output-watch.ts';
import { pruneFromTimeToTime } from './prune.ts';
import { SIGNING_KEY, signingKeyIn } from './signing-key.ts';
import { assemble } from './wire.ts';

/** Short, so that the prepares of one task that wait make room for those of others. Waiting again costs nothing. */
const FETCH_WAIT_MS = 2_000;
/** Longer than STOP_LIMIT_MS of local.ts, in which the previous host stops. */
const LOCK_WAIT_MS = 12_000;
/** The names that pipeline/artifacts.ts gives its folders in tempDir. */
const WORK_DIR = /^work-[A-Za-z0-9]{6}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

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
  detectSleep();
  const umask = await inDataDir(config.dataDir, '', () => closeDataDir(config));
  await inDataDir(config.dataDir, '', () => checkDataFolders(config));
  starting.use(await lockIn(config.dataDir, log));
  const folders = dataFolders(config);
  // With the lock held, everything found here was left by a host that has ended.
  const children = createChildRecords({ dir: folders.children });
  const childrenEnded = await children.endLeftOvers();
  const foldersSwept =
    (await sweepFolder(folders.temp, WORK_DIR)) +
    (await sweepFolder(folders.uploads, PART)) +
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
  const encoder = config.videoEncoder && (await tried(config.videoEncoder, ffmpeg, folders.temp, log));

  const database = starting.use(
    await inDataDir(config.dataDir, DATABASE, () => openTaskDatabase(config.dataDir)),
  );
  const key = config.signingKey ?? (await keyIn(config.dataDir, database));
  const seal = createSeal({ key, log });
  const tasks = createSqliteTasks({ database, seal });
  const outputs = createDiskOutputs({
    dir: config.outputDir,
    umask,
    folders: createOutputFolders(folders.outputs),
  });
  const outputOutage = createOutputOutage(log);
  if (config.vendors.output.kind === 'local') await outputs.check().catch(outputOutage.failed);
  const pruning = createSqlitePruning({ database, taskDays: config.taskDays });
  const { partsRemoved, unreadable, ...takenUp } = await lookThrough(tasks, outputs);
  const { unsealed } = pruning.noteUnreadable(unreadable);
  const resumed = { ...takenUp, unsealed, otherKey: unreadable.length - unsealed };
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
    traceparent,
    onOutage: {
      began(error) {
        if (!database.isBroken) logOutage(log, error);
      },
      over: (seconds) =>
        log.notice(`The task database can be written again, after ${seconds.toFixed(0)} s`, {
          event: 'database.working',
          seconds,
        }),
    },
    onQuarantine: (error, { topic, taskId, ...message }) =>
      log.error('A message that was given up could not be recorded as a failure; it is set aside', {
        event: 'message.quarantined',
        task_id: taskId,
        topic,
        ...message,
        error,
      }),
  });
  const memo = createSqliteMemo({ database });
  const adapters = starting.use(
    chooseAdapters({
      config,
      memo: sealedMemo(memo, seal),
      seal,
      diskOutputs: outputs,
      sharedDisk: false,
    }),
  );
  const chosen = { ...adapters, outputs: watchOutputs(adapters.outputs, outputOutage) };
  const own = {
    tasks,
    reports: createSqliteReports({ database, seal }),
    pins: createSqlitePins({ database }),
    problems: createSqliteProblems({ database }),
    webhooks: createSqliteWebhooks({ database, seal }),
    usage: createSqliteUsage({ database }),
    leases,
    attempts,
    queue: measuredQueue(queue, 'every_cut'),
    memo,
  };
  const figures = localFigures({ config, queue, cacheUsage: adapters.cacheUsage });
  const deps = assemble(own, chosen, {
    config,
    log,
    instrumentation,
    ffmpeg,
    seal,
    encoder,
    fetchWaitMs: FETCH_WAIT_MS,
    checks: localChecks({ config, database, outputs, queue, ffmpegPath: about.path }),
    figures,
    remade: 'here',
  });
  const removeOldCopies = () =>
    removeCopies(join(config.dataDir, DATABASE), Date.now() - config.taskDays * DAY_MS);
  const { removeOldUploads } = adapters;
  starting.use(pruneFromTimeToTime({ pruning, removeOldCopies, removeOldUploads, log }));
  const disposables = starting.move();
  return {
    deps,
    figures: { ...figures, places: deps.places },
    queue: deps.queue,
    lapseLeases: () => leases.lapseLeases(),
    endRests: () => attempts.endRests(),
    ffmpeg: about,
    resumed,
    broken: database.broken,
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  };
}

async function tried(name: HardwareName, ffmpeg: Ffmpeg, temp: string, log: Log) {
  await using dir = await workDir(temp);
  return await usableEncoder(name, { ffmpeg, dir: dir.path, signal: new AbortController().signal, log });
}

function openTaskDatabase(dataDir: string): GuardedDatabase {
  const path = join(dataDir, DATABASE);
  // The key is made after the first task database, which is never empty from then on.
  const isEmptied = existsSync(join(dataDir, SIGNING_KEY)) && sizeOf(path) === 0;
  if (isEmptied) throw new Error(emptied(dataDir));
  const database = openDatabase(path);
  const [{ quick_check: found }] = database.rows<{ quick_check: string }>('PRAGMA quick_check(1)') as [
    { quick_check: string },
  ];
  if (found === 'ok') return guardDatabase(database, dataDir);
  database.close();
  throw new Error(damaged(dataDir, found.replaceAll(/\s+/g, ' ')));
}

function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Tasks of builds without seals need no key. */
function keyIn(dataDir: string, database: GuardedDatabase): Promise<string> {
  const sealed = database.row<{ count: number }>(
    'SELECT count(*) AS count FROM tasks WHERE seal IS NOT NULL',
  );
  return inDataDir(dataDir, SIGNING_KEY, () => signingKeyIn(dataDir, sealed?.count));
}

function logOutage(log: Log, error: unknown): void {
  const why = isExpected(error) ? error.message : 'an unexpected error';
  log.error(`The task database cannot be written, so work waits until it can: ${why}`, {
    event: 'database.failing',
    error,
  });
}

function lockIn(dataDir: string, log: Log): Promise<Disposable> {
  return inDataDir(dataDir, 'host.lock', () =>
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
