/**
 * npm run restore -- FOLDER: puts a back-up into DATA_DIR and OUTPUT_DIR, which may be others than before. What was interrupted
 * is finished by running it again.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { movedOutputs } from '../../functions/adapters/disk/moved-outputs.ts';
import { acquireHostLock } from '../../functions/adapters/process/host-lock.ts';
import { makeFolder, syncFolder } from '../../functions/adapters/shared/files.ts';
import { MIGRATIONS } from '../../functions/adapters/sqlite/migrations.ts';
import { moveOutputs } from '../../functions/adapters/sqlite/move-outputs.ts';
import { openDatabase } from '../../functions/adapters/sqlite/sqlite.ts';
import { counted } from '../../functions/base/counted.ts';
import { createLog } from '../../functions/base/log.ts';
import type { Config } from '../../functions/config/config.ts';
import { createSeal } from '../../functions/coordination/seal.ts';
import { DATABASE } from '../../functions/hosts/data-dir-errors.ts';
import { closeDataDir } from '../../functions/hosts/data-folders.ts';
import { keepSecret } from '../../functions/hosts/kept-secret.ts';
import { SIGNING_KEY } from '../../functions/hosts/signing-key.ts';
import { WEBHOOK_SECRET } from '../../functions/hosts/webhook-secret.ts';
import { type BackUp, DATA, OUTPUT, readBackUp } from './back-up-folder.ts';
import { command, print, settings } from './command.ts';
import { type CopyOptions, copyWhole, requireRoom, whereFull } from './copy-files.ts';

const USAGE = 'npm run restore -- FOLDER   puts the back-up of that folder into DATA_DIR and OUTPUT_DIR';
/** What belongs to a service that is there. Anything else was left by an interrupted restore, or may stay. */
const OF_A_SERVICE = /^(every-cut\.sqlite(-wal|-shm|\.before-v\d+)?|signing\.key|webhook\.secret)$/;
const PART = `${DATABASE}.part`;

async function main(args: string[], signal: AbortSignal): Promise<void> {
  const folder = readOptions(args);
  if (folder === undefined) return print(USAGE);
  const backUp = await readBackUp(folder);
  if (backUp.schema > MIGRATIONS.length) {
    throw new Error(
      `Expected a back-up of schema version ${MIGRATIONS.length} or older, got ${backUp.schema}: release ${backUp.version} ` +
        'made it, which is newer. Next step: restore it with that release, or a newer one.',
    );
  }
  const config = settings();
  await requireFree(config);
  const umask = await closeDataDir(config);
  using _lock = await acquireHostLock({ dir: config.dataDir, waitMs: 0 });
  try {
    await restore(folder, backUp, config, umask, signal);
  } catch (error) {
    throw whereFull(error, `${config.dataDir} or ${config.outputDir}`);
  }
}

function readOptions(args: string[]): string | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return undefined;
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) {
    throw new Error(`Expected the folder of one back-up, got ${positionals.length}.\n${USAGE}`);
  }
  return resolve(folder);
}

async function requireFree({ dataDir }: Config): Promise<void> {
  const names = existsSync(dataDir) ? await readdir(dataDir) : [];
  const found = names.filter((name) => OF_A_SERVICE.test(name));
  if (found.length === 0) return;
  throw new Error(
    `Expected no data of a service in DATA_DIR (${dataDir}), got ${found.join(', ')}. Next step: stop the service, move that ` +
      'folder away, and restore again; or set another DATA_DIR.',
  );
}

async function restore(
  folder: string,
  backUp: BackUp,
  config: Config,
  umask: number,
  signal: AbortSignal,
): Promise<void> {
  const { dataDir, outputDir } = config;
  const key = config.signingKey ?? (await textOf(folder, backUp, SIGNING_KEY));
  if (key === undefined) {
    throw new Error(
      `Expected the key that seals tasks, got none: it is not in the back-up in ${folder}. Next step: set SIGNING_KEY as for the ` +
        'service that was backed up.',
    );
  }
  await makeFolder(outputDir, 0o777 & ~umask);
  await requireRoom(dataDir, sizeOf(backUp, DATA));
  await requireRoom(outputDir, sizeOf(backUp, OUTPUT));
  const own = [DATABASE, SIGNING_KEY, WEBHOOK_SECRET].map((name) => `${DATA}/${name}`);
  const data = backUp.files.filter(({ path }) => path.startsWith(`${DATA}/`) && !own.includes(path));
  await copyAll(data, DATA, folder, dataDir, { signal });
  const videos = backUp.files.filter(({ path }) => path.startsWith(`${OUTPUT}/`));
  // People share OUTPUT_DIR, as the umask says.
  const modes = { file: 0o666 & ~umask, folder: 0o777 & ~umask };
  const copied = await copyAll(videos, OUTPUT, folder, outputDir, { signal, modes });
  if (copied < videos.length)
    print(`${counted(videos.length - copied, 'file')} in ${outputDir} stayed as they are`);

  // The database gets its name last but one, and the key last: a service that starts in between says that it is missing.
  await restoreRecords(folder, backUp, config, key, signal);
  const secret = await textOf(folder, backUp, WEBHOOK_SECRET);
  if (secret !== undefined) await keepSecret(join(dataDir, WEBHOOK_SECRET), secret);
  const kept = await textOf(folder, backUp, SIGNING_KEY);
  if (kept !== undefined) await keepSecret(join(dataDir, SIGNING_KEY), kept);
  print(
    `Restored into ${dataDir}: ${counted(backUp.tasks, 'task')}, ${backUp.unfinished} of them unfinished, as of ` +
      `${backUp.madeAt}. Start the service: it goes on with them.`,
  );
  if (backUp.outputDir !== null && !backUp.hasVideos) {
    print(`The back-up has no videos: before the start, copy those of ${backUp.outputDir} to ${outputDir}.`);
  }
}

async function restoreRecords(
  folder: string,
  backUp: BackUp,
  { dataDir, outputDir }: Config,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const part = join(dataDir, PART);
  // Left by a restore that was interrupted.
  for (const end of ['', '-wal', '-shm']) await rm(`${part}${end}`, { force: true });
  await copyWhole(join(folder, DATA, DATABASE), part, { signal });
  {
    // The back-up itself is the copy of before.
    using database = openDatabase(part, { keepsCopy: false });
    if (backUp.outputDir !== null && backUp.outputDir !== outputDir) {
      const log = createLog({ level: 'error', pretty: true, write: (line) => process.stderr.write(line) });
      const earlier = backUp.outputDir;
      const names = (await readdir(outputDir, { withFileTypes: true })).filter((entry) =>
        entry.isDirectory(),
      );
      const tasks = moveOutputs({
        database,
        seal: createSeal({ key, log }),
        moves: movedOutputs(earlier, outputDir),
        folders: names.map(({ name }) => join(earlier, name)),
      });
      print(`Videos of ${counted(tasks, 'task')} are expected in ${outputDir} now, formerly in ${earlier}`);
    }
  }
  await rename(part, join(dataDir, DATABASE));
  await syncFolder(dataDir);
}

/** Returns how many were copied. Files that are there stay. */
async function copyAll(
  files: BackUp['files'],
  below: string,
  folder: string,
  to: string,
  options: CopyOptions,
): Promise<number> {
  let copied = 0;
  for (const { path } of files) {
    const target = join(to, path.slice(below.length + 1));
    if ((await copyWhole(join(folder, path), target, options)) !== undefined) copied++;
  }
  return copied;
}

async function textOf(folder: string, { files }: BackUp, name: string): Promise<string | undefined> {
  const path = `${DATA}/${name}`;
  return files.some((file) => file.path === path) ? readFile(join(folder, path), 'utf8') : undefined;
}

function sizeOf({ files }: BackUp, below: string): number {
  return files.reduce((sum, { path, bytes }) => sum + (path.startsWith(`${below}/`) ? bytes : 0), 0);
}

if (import.meta.main) await command(main);
