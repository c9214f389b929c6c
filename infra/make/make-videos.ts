/** What `npm run make` does between its command line and its exit code. */
import { randomInt } from 'node:crypto';
import { resolve } from 'node:path';
import { createClient, ServiceError } from '../../functions/client/client.ts';
import { type Environment, loadConfig } from '../../functions/config/config.ts';
import { isLoopback } from '../../functions/config/loopback.ts';
import { reportTable, reportTotals } from '../report/report-table.ts';
import { checkAnswering, runningService } from './find-service.ts';
import { helpText } from './help.ts';
import { noteName, openNote } from './note.ts';
import { openFolder } from './open-folder.ts';
import { type Options, readOptions } from './options.ts';
import { makeOwnFolder } from './own-folder.ts';
import { planTable } from './plan-table.ts';
import { readJob } from './read-job.ts';
import { collectResults, costText, drawSheets, type Place, type Results } from './results.ts';
import { lockRun } from './run-lock.ts';
import { runTask } from './run-task.ts';

/** A service in this process listens to this machine only. */
const UNREACHABLE = {
  HOST: '127.0.0.1',
  PUBLIC_URL: undefined,
  PUBLIC_API: undefined,
  TRUSTED_PROXIES: undefined,
};
const THIS_MACHINE = 'this machine';
const TRY_AGAIN = '--again makes all of them anew.';

export interface Stop {
  readonly signal: AbortSignal;
  /** What Ctrl-C leaves behind from now on. */
  leaves(what: string): void;
  /** Ends the run for another reason. */
  because(error: Error): void;
}

export interface Surroundings {
  /** How people call this program. */
  command: string;
  readEnv: () => Environment;
  /** Shows a result. */
  print: (text: string) => void;
  /** Shows everything else. */
  say: (text: string) => void;
  /** Where progress is shown. */
  stream: NodeJS.WriteStream;
  stop: Stop;
  /** The results go to a terminal. */
  isTerminal: boolean;
}

/** Resolves to the exit code; whatever went wrong is said. */
export async function runCommand(args: readonly string[], around: Surroundings): Promise<0 | 1> {
  const { command, readEnv, print, say, stop } = around;
  try {
    const env = readEnv();
    const options = readOptions(args, env);
    if (options !== 'help') return (await make(options, env, around)) ? 0 : 1;
    print(helpText(command));
    return 0;
  } catch (error) {
    say(textOf(stop.signal.aborted ? stop.signal.reason : error));
    return 1;
  }
}

function textOf(error: unknown): string {
  if (!ServiceError.is(error)) return error instanceof Error ? error.message : String(error);
  const next = error.status === 401 ? 'Give the key of the service with --key, or set API_KEY.' : error.hint;
  return [error.message, next].filter((part) => part).join(' ');
}

/** Resolves to true if every combination became a video, or the plan was shown. */
async function make(options: Options, env: Environment, around: Surroundings): Promise<boolean> {
  const { print, say, stream, stop, isTerminal } = around;
  const { signal } = stop;
  const config = loadConfig({ ...env, ...UNREACHABLE });
  const job = await readJob(pathOf(options.target, env), options, [config.outputDir, config.dataDir]);
  for (const note of job.notes) say(`Note: ${note}`);
  signal.throwIfAborted();
  // Whoever asks for all anew wants other lines and music, unless they say which.
  const isDrawn = options.again && job.request['seed'] === undefined;
  const seed = isDrawn ? randomInt(2 ** 32) : job.seed;
  const folder = await makeOwnFolder(config);
  await using running = new AsyncDisposableStack();
  const service = await findService();
  const apiKey = service.place === 'own' ? config.apiKey : (options.key ?? config.apiKey);
  const client = createClient({ url: service.url, apiKey, signal });
  if (job.isDryRun) {
    print(await planTable(client, job, { seed, say, signal }));
    return true;
  }
  const place = options.url ?? THIS_MACHINE;
  running.use(await lockRun(folder, noteName(job.target, place), job.target));
  const note = await openNote(folder, job.target, place);
  stop.leaves(leftBehind(service.place, options));
  const { tasks, wasMade } = await runTask({ ...options, seed, client, job, note, stream, say, signal });
  const results = await collectResults(client, tasks, { place: service.place, signal });
  const { totals, cost } = results;
  print(`\n${reportTable(results.renders)}\n\n${reportTotals(totals, cost && [['cost', costText(cost)]])}`);
  const { sheets, remark } = await drawSheets(results, config, { say, signal });
  for (const sheet of sheets) print(`sheet      ${sheet}`);
  if (remark !== undefined) print(`sheet      ${remark}`);
  sayWhatNext(results, wasMade, say);
  if (options.open && results.folder !== undefined && totals.succeeded > 0)
    openFolder(results.folder, { platform: process.platform, env, isTerminal });
  return totals.succeeded === totals.combinations;

  async function findService(): Promise<{ url: string; place: Place }> {
    if (options.url !== undefined) {
      await checkAnswering(options.url, signal);
      const { hostname } = new URL(options.url);
      return { url: options.url, place: isLoopback(hostname) ? 'here' : 'elsewhere' };
    }
    const found = await runningService(config, env, signal);
    if (found !== undefined) {
      say(found.remark);
      return { url: found.url, place: 'here' };
    }
    // Most of what this program loads is the service: whoever needs none does not wait for it.
    const { startOwnService } = await import('./own-service.ts');
    const own = { folder, running, say, onBroken: stop.because, signal };
    return { url: await startOwnService(config, env, own), place: 'own' };
  }
}

/** npm runs scripts in the folder of package.json, and says where it was called. */
function pathOf(target: string, env: Environment): string {
  const calledFrom = env['npm_lifecycle_event'] === 'make' ? env['INIT_CWD'] : undefined;
  return resolve(calledFrom ?? '.', target);
}

function leftBehind(place: Place, { again }: Options): string {
  const same = again ? 'The same command without --again' : 'The same command';
  return place === 'own'
    ? `Finished videos stay. ${same} goes on where it stopped.`
    : `The service goes on with what it was given. ${same} shows how far it is.`;
}

function sayWhatNext({ totals, missing }: Results, wasMade: boolean, say: (text: string) => void): void {
  if (missing > 0) say(`${missing} of the videos are not where they were saved any more. ${TRY_AGAIN}`);
  else if (wasMade) say('All of this was made before. --again makes it anew.');
  if (totals.failed > 0)
    say('Some videos failed; the reasons are above. Mend them, and the same command makes what is missing.');
}
