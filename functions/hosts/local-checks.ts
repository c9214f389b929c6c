/** What /readyz of the single-machine host looks at. Strangers read the texts: they name no paths. */
import { access, constants } from 'node:fs/promises';
import type { DiskOutputs } from '../adapters/disk/outputs.ts';
import { diskSpace, type Space } from '../adapters/shared/disk-room.ts';
import { proveWritable } from '../adapters/sqlite/prove-writable.ts';
import type { SqliteQueue } from '../adapters/sqlite/queue.ts';
import type { Config } from '../config/config.ts';
import type { HealthCheck } from '../http/readiness.ts';
import type { GuardedDatabase } from './guarded-database.ts';

/** A write waits for the disk, and with it everything else in this process. */
const WRITE_EVERY_MS = 10_000;
const MB = 2 ** 20;
/** Less than what downloads leave free: where this is missing, nothing that makes room helped. */
const LEAST_FREE_BYTES = 64 * MB;
/** Of a small disk. */
const LEAST_FREE_SHARE = 1 / 32;
const LONGEST_UNTOUCHED_MS = 600_000;

export function localChecks(host: {
  config: Config;
  database: GuardedDatabase;
  outputs: DiskOutputs;
  queue: SqliteQueue;
  ffmpegPath: string;
}): HealthCheck[] {
  const { config, database, outputs, queue, ffmpegPath } = host;
  const output =
    config.vendors.output.kind === 'local' ? { dir: config.outputDir, check: outputs.check } : undefined;
  return [
    storeCheck(database),
    diskCheck({ dataDir: config.dataDir, output }),
    ffmpegCheck(ffmpegPath),
    queueCheck(queue),
  ];
}

/** Reads from the task database, and writes to it from time to time. */
export function storeCheck(database: GuardedDatabase, now = () => performance.now()): HealthCheck {
  let wroteAt = Number.NEGATIVE_INFINITY;
  return {
    name: 'store',
    async failing() {
      if (database.isBroken) return 'Expected the task database, got one that is damaged or gone.';
      database.row('SELECT 1 FROM tasks LIMIT 1');
      if (now() - wroteAt >= WRITE_EVERY_MS) {
        proveWritable(database);
        wroteAt = now();
      }
      return undefined;
    },
  };
}

export interface DiskCheckOptions {
  dataDir: string;
  /** Undefined if videos are not saved on this machine. */
  output: (Pick<DiskOutputs, 'check'> & { dir: string }) | undefined;
  measure?: (folder: string) => Promise<Space>;
}

/** Whether there is room for work, and whether videos can be saved. */
export function diskCheck({ dataDir, output, measure = diskSpace }: DiskCheckOptions): HealthCheck {
  const shortage = async (what: string, folder: string): Promise<string | undefined> => {
    const { free, total } = await measure(folder);
    const least = Math.min(LEAST_FREE_BYTES, total * LEAST_FREE_SHARE);
    // Some network disks do not say how large they are.
    if (total === 0 || free >= least) return undefined;
    return `Expected at least ${Math.round(least / MB)} MB free for ${what}, got ${Math.floor(free / MB)} MB.`;
  };
  return {
    name: 'disk',
    async failing() {
      await checkFolder(dataDir);
      const short = await shortage('unfinished work', dataDir);
      if (short !== undefined || output === undefined) return short;
      await output.check();
      if (!(await isThere(output.dir))) return undefined;
      await checkFolder(output.dir);
      return await shortage('finished videos', output.dir);
    },
  };
}

/** Rejects if it is no folder, or one that this user may not write to. */
function checkFolder(folder: string): Promise<void> {
  return access(`${folder}/.`, constants.W_OK | constants.X_OK);
}

/** The first task makes the folder for videos. One that was there and is gone is found by output.check. */
async function isThere(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}

/** Whether the ffmpeg that was found at the start is still there. */
export function ffmpegCheck(path: string): HealthCheck {
  return {
    name: 'ffmpeg',
    async failing() {
      await access(path, constants.X_OK);
      return undefined;
    },
  };
}

/** Whether messages are taken. Long work is no failure: it is in flight. */
export function queueCheck(queue: Pick<SqliteQueue, 'untouchedMs'>): HealthCheck {
  return {
    name: 'queue',
    async failing() {
      const ms = queue.untouchedMs();
      if (ms < LONGEST_UNTOUCHED_MS) return undefined;
      const [most, got] = [LONGEST_UNTOUCHED_MS, ms].map((time) => Math.round(time / 1000));
      return `Expected work that is ready to be begun within ${most} s, got none begun for ${got} s.`;
    },
  };
}
