/**
 * npm run make -- FOLDER: makes every combination of the clips in a folder, with a service that runs or one in this process.
 * Results go to standard output, everything else to standard error.
 */
import { resolve } from 'node:path';
import { escapeHidden } from '../../functions/base/hidden-characters.ts';
import { createClient, ServiceError } from '../../functions/client/client.ts';
import { type Environment, loadConfig, readEnvironment } from '../../functions/config/config.ts';
import { reportTable, reportTotals } from '../report/report-table.ts';
import { helpText } from './help.ts';
import { openNote } from './note.ts';
import { openFolder } from './open-folder.ts';
import { type Options, readOptions } from './options.ts';
import { planTable } from './plan-table.ts';
import { readJob } from './read-job.ts';
import { collectResults, costText, drawSheets } from './results.ts';
import { runTask } from './run-task.ts';
import { checkAnswering, makeOwnFolder, runningService, type Service, startOwnService } from './service.ts';

/** The exit code that shells use for a program ended by Ctrl-C. */
const INTERRUPTED = 130;
/** One Ctrl-C may arrive twice: from the terminal, and forwarded by npm. */
const ECHO_MS = 1_000;
/** Most of a stop is waiting for children to end. */
const STOP_LIMIT_MS = 10_000;
/** A service in this process listens to this machine only. */
const UNREACHABLE = {
  HOST: '127.0.0.1',
  PUBLIC_URL: undefined,
  PUBLIC_API: undefined,
  TRUSTED_PROXIES: undefined,
};
const THIS_MACHINE = 'this machine';

interface Stop {
  readonly signal: AbortSignal;
  /** What Ctrl-C leaves behind from now on. */
  leaves(what: string): void;
  /** Ends the run for another reason. */
  because(error: Error): void;
}

/**
 * Runs the command and sets the exit code of the process.
 * @param command how people call this program
 */
export async function main(command: string, args: readonly string[] = process.argv.slice(2)): Promise<void> {
  // The reader may end first (`npm run make -- clips | head`). The work must not end with it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { stop, interrupted } = watchSignals();
  try {
    const options = readOptions(args);
    if (options === 'help') return print(helpText(command));
    process.exitCode = (await make(options, readEnvironment(), stop)) ? 0 : 1;
  } catch (error) {
    const shown = stop.signal.aborted ? stop.signal.reason : error;
    say(textOf(shown));
    // A service that is about to start would go on; what it leaves, the next one puts in order.
    if (interrupted()) process.exit(INTERRUPTED);
    process.exitCode = 1;
  }
}

function textOf(error: unknown): string {
  if (!ServiceError.is(error)) return error instanceof Error ? error.message : String(error);
  const key = error.status === 401 ? 'Give the key with --key, or set API_KEY.' : undefined;
  return [error.message, error.hint, key].filter((part) => part).join(' ');
}

/** The first signal stops in order, a second one at once. */
function watchSignals(): { stop: Stop; interrupted: () => boolean } {
  const controller = new AbortController();
  let askedAt: number | undefined;
  let left = 'Nothing was started.';
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined) {
        if (performance.now() - askedAt > ECHO_MS) process.exit(INTERRUPTED);
        return;
      }
      askedAt = performance.now();
      setTimeout(() => process.exit(INTERRUPTED), STOP_LIMIT_MS).unref();
      controller.abort(new Error(`Stopped. ${left}`));
    });
  }
  const stop: Stop = {
    signal: controller.signal,
    leaves(what) {
      left = what;
    },
    because: (error) => controller.abort(error),
  };
  return { stop, interrupted: () => askedAt !== undefined };
}

/** Resolves to true if every combination became a video, or the plan was shown. */
async function make(options: Options, env: Environment, stop: Stop): Promise<boolean> {
  const { signal } = stop;
  const config = loadConfig({ ...env, ...UNREACHABLE });
  const job = await readJob(pathOf(options.target, env), options, [config.outputDir, config.dataDir]);
  for (const note of job.notes) say(`Note: ${note}`);
  signal.throwIfAborted();
  const folder = await makeOwnFolder(config);
  await using running = new AsyncDisposableStack();
  const service = await findService();
  const apiKey = service.isOwn ? config.apiKey : (options.key ?? config.apiKey);
  const client = createClient({ url: service.url, apiKey, signal });
  if (job.isDryRun) {
    print(await planTable(client, job, { say, signal }));
    return true;
  }
  const note = await openNote(folder, job.target, options.url ?? THIS_MACHINE);
  stop.leaves(leftBehind(service, options));
  const { tasks, wasMade } = await runTask({
    ...options,
    client,
    job,
    note,
    stream: process.stderr,
    say,
    signal,
  });
  const results = await collectResults(client, tasks, signal);
  const { totals, cost } = results;
  print(`\n${reportTable(results.renders)}\n\n${reportTotals(totals, cost && [['cost', costText(cost)]])}`);
  const { sheets, remark } = await drawSheets(results, config, { say, signal });
  for (const sheet of sheets) print(`sheet         ${sheet}`);
  if (remark !== undefined) print(`sheet         ${remark}`);
  sayWhatNext(results, wasMade);
  if (options.open && results.folder !== undefined && totals.succeeded > 0)
    openFolder(results.folder, {
      platform: process.platform,
      env,
      isTerminal: process.stdout.isTTY === true,
    });
  return totals.succeeded === totals.combinations;

  async function findService(): Promise<Service> {
    const url = options.url ?? (await runningService(config, env));
    if (url === undefined)
      return startOwnService(config, env, { folder, running, say, onBroken: stop.because, signal });
    if (options.url === undefined) say(`Service at ${url}, which is running`);
    else await checkAnswering(url, signal);
    return { url, isOwn: false };
  }
}

/** npm runs scripts in the folder of package.json, and says where it was called. */
function pathOf(target: string, env: Environment): string {
  const calledFrom = env['npm_lifecycle_event'] === 'make' ? env['INIT_CWD'] : undefined;
  return resolve(calledFrom ?? '.', target);
}

function leftBehind({ isOwn }: Service, { again }: Options): string {
  const same = again ? 'The same command without --again' : 'The same command';
  return isOwn
    ? `Finished videos stay. ${same} goes on where it stopped.`
    : `The service goes on with what it was given. ${same} shows how far it is.`;
}

function sayWhatNext(
  { totals, missing }: { totals: { failed: number }; missing: number },
  wasMade: boolean,
): void {
  if (missing > 0)
    say(`${missing} of the videos are not where they were saved any more. --again makes all of them anew.`);
  else if (wasMade) say('All of this was made before. --again makes it anew.');
  if (totals.failed > 0)
    say('Some videos failed; the reasons are above. Mend them, and the same command makes what is missing.');
}

/** Names and errors come from others: none of them may command the terminal. */
function print(text: string): void {
  process.stdout.write(`${safe(text)}\n`);
}

function say(text: string): void {
  process.stderr.write(`${safe(text)}\n`);
}

function safe(text: string): string {
  return text.split('\n').map(escapeHidden).join('\n');
}

if (import.meta.main) await main('npm run make --');
