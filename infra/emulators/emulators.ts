/**
 * npm run emulators: runs the cloud functions on this machine with the gcloud SDK's Pub/Sub and Firestore emulators,
 * until Ctrl-C. Videos and prepared clips are on disk; tasks are lost when the emulators end.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquireHostLock } from '../../functions/adapters/process/host-lock.ts';
import { loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { outputPlace } from '../../functions/config/vendor-settings.ts';
import { type EmulatedCloud, startEmulatedCloud } from './emulated-cloud.ts';
import { findEmulators, startEmulators } from './google-emulators.ts';

const PROJECT = 'every-cut-local';
/** A folder within DATA_DIR, to stay apart from the data of the single-machine service. */
const DATA_FOLDER = 'emulators';
const LOCK_WAIT_MS = 10_000;
/** Cloud Scheduler does the same every five minutes. */
const SWEEP_EVERY_MS = 60_000;

async function main(): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  try {
    await run(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return;
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}

async function run(signal: AbortSignal): Promise<void> {
  const env = readEnvironment();
  const config = loadConfig(env);
  const dataDir = join(config.dataDir, DATA_FOLDER);
  await mkdir(dataDir, { recursive: true });
  await using running = new AsyncDisposableStack();
  running.use(await acquireHostLock({ dir: dataDir, waitMs: LOCK_WAIT_MS }));
  // Remove files of killed processes. The lock guarantees that no other process works here.
  await rm(join(dataDir, 'tmp'), { recursive: true, force: true });

  print('Starting the Pub/Sub and Firestore emulators ...');
  const emulators = running.use(await startEmulators(findEmulators(process.env)));
  signal.throwIfAborted();
  const cloud = running.use(
    await startEmulatedCloud({
      hosts: emulators.hosts,
      projectId: config.project ?? PROJECT,
      env: { ...process.env, ...env, DATA_DIR: dataDir, OUTPUT_DIR: config.outputDir },
      port: config.port,
    }),
  );
  signal.throwIfAborted();
  print(welcome(cloud, emulators.hosts, outputPlace(config.vendors, config.outputDir)));
  await sweepUntil(signal, cloud.urls.sweep);
  print('\nStopping ...');
}

function welcome({ urls }: EmulatedCloud, hosts: object, output: string): string {
  const rows = [...Object.entries(urls), ...Object.entries(hosts)].map(
    ([name, at]) => `  ${name.padEnd(24)}${at}`,
  );
  return [
    ...rows,
    '',
    `Videos go to ${output}. Post a task to ${urls.processMedia}/process_media, or run:`,
    `  npm run demo -- --url ${urls.processMedia}`,
    'Press Ctrl-C to stop everything.',
  ].join('\n');
}

async function sweepUntil(signal: AbortSignal, url: string): Promise<void> {
  while (!signal.aborted) {
    await sleep(SWEEP_EVERY_MS, undefined, { signal }).catch(() => {});
    // The sweep logs its own errors, and the next one follows in a minute.
    if (!signal.aborted) await fetch(url, { method: 'POST', signal }).catch(() => {});
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

if (import.meta.main) await main();
