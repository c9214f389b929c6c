/**
 * npm run back-up -- FOLDER: copies all that a service on one machine needs to go on elsewhere, also while it is working. The
 * folder has its name once everything is in it.
 */
import { existsSync } from 'node:fs';
import { readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { syncFolder, systemCode } from '../../functions/adapters/shared/files.ts';
import { readDatabase } from '../../functions/adapters/sqlite/read-only.ts';
import { counted } from '../../functions/base/counted.ts';
import { VERSION } from '../../functions/base/version.ts';
import type { Config } from '../../functions/config/config.ts';
import { DATABASE } from '../../functions/hosts/data-dir-errors.ts';
import { dataFolders } from '../../functions/hosts/data-folders.ts';
import { SIGNING_KEY } from '../../functions/hosts/signing-key.ts';
import { WEBHOOK_SECRET } from '../../functions/hosts/webhook-secret.ts';
import { type BackUp, DATA, listIn, OUTPUT } from './back-up-folder.ts';
import { command, print, settings } from './command.ts';
import { bytesOf, copyWhole, filesIn, makePrivate, megabytes, requireRoom, whereFull } from './copy-files.ts';

const USAGE = `npm run back-up -- FOLDER                    all that the service needs to go on elsewhere, and the videos
npm run back-up -- FOLDER --without-videos   if OUTPUT_DIR is backed up in another way
npm run back-up -- FOLDER --with-clips       prepared clips as well, which can be made again from their sources`;
/** Bought lines cost money, so they are always copied. Artifacts of other kinds are made again. */
const SPEECH = 'speech/';
const META = /^([0-9a-f]{2}\/[0-9a-f]{64})\/meta\.json$/;

interface Options {
  target: string;
  withoutVideos: boolean;
  withClips: boolean;
}

/** Files to copy, of one kind. */
interface Part {
  what: string;
  from: string;
  /** In the back-up. */
  to: string;
  paths: string[];
}

async function main(args: string[], signal: AbortSignal): Promise<void> {
  const options = readOptions(args);
  if (options === undefined) return print(USAGE);
  // Also for what SQLite and Node create on the way.
  process.umask(0o077);
  const config = settings();
  const target = await freeTarget(options.target, config);
  const part = `${target}.part`;
  await makePrivate(part).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error;
    const next = 'Next step: wait for it to end; if none is running, one was killed: remove that folder.';
    throw new Error(`Expected no other back-up to ${target}, got one that is not finished: ${part}. ${next}`);
  });
  try {
    await fill(part, config, options, signal);
    await rename(part, target);
    await syncFolder(dirname(target));
  } catch (error) {
    await rm(part, { recursive: true, force: true });
    throw whereFull(error, dirname(target));
  }
  print(`The back-up is complete: ${target}`);
}

function readOptions(args: string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'without-videos': { type: 'boolean', default: false },
      'with-clips': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return undefined;
  const [target, ...more] = positionals;
  if (target === undefined || more.length > 0) {
    throw new Error(`Expected one folder for the back-up, got ${positionals.length}.\n${USAGE}`);
  }
  return { target, withoutVideos: values['without-videos'], withClips: values['with-clips'] };
}

/** Throws an error that says what to do, unless there is nothing of that name and it is outside of what is copied. */
async function freeTarget(wanted: string, { dataDir, outputDir }: Config): Promise<string> {
  const given = resolve(wanted);
  const parent = await realpath(dirname(given)).catch(() => undefined);
  if (parent === undefined) {
    throw new Error(
      `Expected a folder ${dirname(given)} for the back-up, got none. Next step: mount its disk, or make the folder.`,
    );
  }
  const target = join(parent, basename(given));
  if (existsSync(target)) {
    throw new Error(`Expected no ${target} yet, got one. Next step: choose another name, or move it away.`);
  }
  for (const [name, dir] of Object.entries({ DATA_DIR: dataDir, OUTPUT_DIR: outputDir })) {
    const copied = await realpath(dir).catch(() => dir);
    if (!`${target}${sep}`.startsWith(`${copied}${sep}`)) continue;
    throw new Error(
      `Expected a folder outside of ${name} (${dir}), which is copied, got ${target}. Next step: choose another place.`,
    );
  }
  return target;
}

/** The database first: all that its records speak of is there by then, and what comes later does no harm. */
async function fill(folder: string, config: Config, options: Options, signal: AbortSignal): Promise<void> {
  const files: BackUp['files'] = [];
  const data = join(folder, DATA);
  await makePrivate(data);
  const about = await copyRecords(data, folder, config, options);
  files.push({ path: `${DATA}/${DATABASE}`, bytes: about.bytes });

  let bytes = about.bytes;
  for (const { what, from, to, paths } of await partsOf(config, options)) {
    let [count, size] = [0, 0];
    for (const path of paths) {
      const copied = await copyWhole(join(from, path), join(folder, to, path), { signal });
      if (copied === undefined) continue;
      files.push({ path: `${to}/${path}`, bytes: copied });
      count++;
      size += copied;
    }
    print(`${what}: ${counted(count, 'file')}, ${megabytes(size)}`);
    bytes += size;
  }
  signal.throwIfAborted();
  const { bytes: _, ...records } = about;
  const backUp: BackUp = {
    version: VERSION,
    ...records,
    dataDir: config.dataDir,
    outputDir: isLocal(config) ? config.outputDir : null,
    hasVideos: isLocal(config) && !options.withoutVideos,
    files,
  };
  await writeFile(listIn(folder), `${JSON.stringify(backUp, null, 2)}\n`, { flush: true });
  await syncFolder(folder);
  print(`Together: ${counted(files.length, 'file')}, ${megabytes(bytes)}`);
}

async function copyRecords(data: string, folder: string, config: Config, options: Options) {
  const path = join(config.dataDir, DATABASE);
  if (!existsSync(path)) {
    throw new Error(
      `Expected the task database of a service in ${path}, got no file. Next step: set DATA_DIR as for the service.`,
    );
  }
  if (config.signingKey === undefined && !existsSync(join(config.dataDir, SIGNING_KEY))) {
    throw new Error(
      `Expected ${join(config.dataDir, SIGNING_KEY)}, without which no task can be continued, got no file. Next step: start the ` +
        'service once; or, if it gets SIGNING_KEY from its environment, set that here, too.',
    );
  }
  using database = readDatabase(path);
  let needed = database.bytes;
  for (const { from, paths } of await partsOf(config, options)) needed += await bytesOf(from, paths);
  await requireRoom(dirname(folder), needed);
  const madeAt = new Date().toISOString();
  const copy = join(data, DATABASE);
  database.copyTo(copy);
  using copied = readDatabase(copy);
  const { tasks = 0, unfinished = 0 } =
    copied.row<{ tasks: number; unfinished: number }>(
      'SELECT count(*) AS tasks, count(*) - count(finished_at) AS unfinished FROM tasks',
    ) ?? {};
  print(`Database: ${counted(tasks, 'task')}, ${unfinished} unfinished, ${megabytes(copied.bytes)}`);
  return { schema: copied.schema, madeAt, tasks, unfinished, bytes: copied.bytes };
}

async function partsOf(config: Config, { withoutVideos, withClips }: Options): Promise<Part[]> {
  const { dataDir, outputDir } = config;
  const { artifacts, uploads } = dataFolders(config);
  const secrets = [SIGNING_KEY, WEBHOOK_SECRET].filter((name) => existsSync(join(dataDir, name)));
  const stored = await filesIn(artifacts);
  const prepared = withClips
    ? stored.filter((path) => META.test(`${dirname(path)}/meta.json`))
    : await speechAmong(artifacts, stored);
  return [
    { what: 'Keys', from: dataDir, to: DATA, paths: secrets },
    { what: 'Uploads', from: uploads, to: `${DATA}/uploads`, paths: await filesIn(uploads) },
    {
      what: withClips ? 'Prepared' : 'Spoken lines',
      from: artifacts,
      to: `${DATA}/artifacts`,
      paths: prepared,
    },
    ...(withoutVideos || !isLocal(config)
      ? []
      : [{ what: 'Videos', from: outputDir, to: OUTPUT, paths: await videosIn(config) }]),
  ];
}

/** DATA_DIR may be in OUTPUT_DIR, and has keys that must not become files that people share. */
async function videosIn({ dataDir, outputDir }: Config): Promise<string[]> {
  const [data, output] = await Promise.all([dataDir, outputDir].map((dir) => realpath(dir).catch(() => dir)));
  return filesIn(outputDir, relative(output ?? outputDir, data ?? dataDir).replaceAll(sep, '/'));
}

async function speechAmong(artifacts: string, stored: readonly string[]): Promise<string[]> {
  const speech = new Set<string>();
  for (const path of stored) {
    const place = META.exec(path)?.[1];
    if (place === undefined) continue;
    const text = await readFile(join(artifacts, path), 'utf8').catch(() => '{}');
    if (keyIn(text).startsWith(SPEECH)) speech.add(place);
  }
  return stored.filter((path) => speech.has(dirname(path)));
}

function keyIn(meta: string): string {
  try {
    return String((JSON.parse(meta) as { key?: unknown }).key);
  } catch {
    // Half written when it was read, or damaged: the service makes it again.
    return '';
  }
}

function isLocal({ vendors }: Config): boolean {
  return vendors.output.kind === 'local';
}

if (import.meta.main) await command(main);
