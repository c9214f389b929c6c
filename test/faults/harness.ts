/** Sets up a scenario, kills one process after the other, and has the outcome judged. */
import { stat } from 'node:fs/promises';
import type { Environment } from '../../functions/config/config.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import type { AdapterSet, Opened } from './adapter-set.ts';
import type { BrokenName } from './broken.ts';
import type { RecordedRun, Stop } from './instrumentation.ts';
import { judge, right, type Verdict } from './judge.ts';
import { type Life, live } from './life.ts';
import { describeStop } from './points.ts';
import type { Ask, Scenario } from './scenario.ts';
import type { Sources } from './sources.ts';

/** A stop point that is not reached is tried again, because the order of calls may differ between runs. */
const TRIES = 3;
const LINES_SHOWN = 40;

export interface TrialOptions {
  set: AdapterSet;
  sources: Sources;
  scenario: Scenario;
  /** Without it nothing is killed. */
  stop?: Stop | undefined;
  /** How many processes die at the stop point before one may live; 1 by default. */
  deaths?: number;
  broken?: BrokenName | undefined;
  /** Settings of every process, in addition to those of the set. */
  settings?: Environment | undefined;
  /** Runs after the last process and before the judge. Returns what went wrong. */
  afterwards?: (again: Again) => Promise<string[]>;
}

export interface Again {
  ids: readonly string[];
  opened<T>(look: (opened: Opened) => Promise<T>): Promise<T>;
  /** Runs another process until it is quiet. */
  live(): Promise<void>;
}

export interface Trial {
  scenario: string;
  stop: Stop | undefined;
  /** Number of processes started, over all tries. */
  runs: number;
  verdict: Verdict;
  /** What each process did. */
  lives: Life[];
}

export async function trial(options: TrialOptions): Promise<Trial> {
  let runs = 0;
  for (let tried = 1; ; tried++) {
    const done = await tryOnce(options);
    runs += done.runs;
    if (done.verdict !== undefined) return { ...done, verdict: done.verdict, runs };
    if (tried === TRIES) return { ...done, verdict: notReached(options), runs };
  }
}

async function tryOnce(
  options: TrialOptions,
): Promise<Omit<Trial, 'verdict'> & { verdict: Verdict | undefined }> {
  const { set, sources, scenario, stop, deaths = 1, broken, settings } = options;
  const { codeCache } = sources;
  await using dir = await tempDir();
  const opened = async <T>(look: (opened: Opened) => Promise<T>): Promise<T> => {
    await using ports = await set.open(dir.path);
    return await look(ports);
  };
  const { setUp } = scenario;
  const ids = setUp === undefined ? [] : await opened(({ ports }) => setUp(ports, sources));
  const lives: Life[] = [];
  const next = async (own?: Stop) => {
    const asks =
      lives.length === 0 || (scenario.asksAgain && lives.every((life) => life.accepted.length === 0));
    const ask = asks && scenario.ask ? (url: string) => (scenario.ask as Ask)(url, sources, ids) : undefined;
    const life = await live({ set, dir: dir.path, stop: own, broken, settings, codeCache, ask });
    lives.push(life);
    return life;
  };
  const base = { scenario: scenario.name, stop, lives };
  for (let death = 0; stop !== undefined && death < deaths; death++) {
    if ((await next(stop)).ending !== 'killed') return { ...base, runs: lives.length, verdict: undefined };
  }
  await next();
  const created = lives.flatMap(({ events }) =>
    events.flatMap((event) => ('creating' in event ? [event.creating] : [])),
  );
  const all = [...new Set([...ids, ...created])];
  const again: Again = { ids: all, opened, live: async () => void (await next()) };
  const wrong = (await options.afterwards?.(again)) ?? [];
  const { check } = scenario;
  if (check !== undefined) wrong.push(...(await opened(({ ports }) => check(ports, sources, ids))));
  const verdict = await opened((ports) =>
    judge({ opened: ports, ids: all, mustExist: ids, scenario, lives }),
  );
  for (const what of wrong) {
    verdict.wrong += 1;
    verdict.complaints.push(`wrong: ${what}`);
  }
  return { ...base, runs: lives.length, verdict };
}

function notReached({ set }: Pick<TrialOptions, 'set'>): Verdict {
  if (!set.orderly) return { ...right(), unreached: 1 };
  const complaints = [`wrong: the stop point was not reached in ${TRIES} tries`];
  return { ...right(), wrong: 1, unreached: 1, complaints };
}

/** The runs of stages that were recorded in a trial. */
export function recordedRuns({ lives }: Pick<Trial, 'lives'>): RecordedRun[] {
  return lives.flatMap(({ events }) => events.flatMap((event) => ('run' in event ? [event.run] : [])));
}

/** Publishes all messages of every task once more, to a new process. No file may be made again. */
export async function publishAgain({ ids, opened, live: another }: Again): Promise<string[]> {
  const times = () =>
    opened(async (now) =>
      Promise.all((await now.files()).sort().map(async (file) => `${file} ${(await stat(file)).mtimeMs}`)),
    );
  const before = await times();
  await opened(async ({ ports }) => {
    for (const taskId of ids) {
      const task = await ports.tasks.get(taskId);
      if (task === undefined) continue;
      await ports.queue.publish([
        { topic: 'complete', taskId },
        ...task.plan.combinations.map(({ index }) => ({ topic: 'render', taskId, index }) as const),
        ...task.plan.sources.map((_, source) => ({ topic: 'prepare', taskId, source }) as const),
      ]);
    }
  });
  await another();
  const after = await times();
  return after.filter((file) => !before.includes(file)).map((file) => `made again: ${file}`);
}

/** Everything that went wrong in a trial, with the events that help to find out why; empty if it ended right. */
export function describeFailure({ scenario, stop, verdict, lives }: Trial): string {
  if (verdict.complaints.length === 0) return '';
  return `${scenario}, stopped ${describeStop(stop)}:\n  ${verdict.complaints.join('\n  ')}\n${shown(lives)}`;
}

function shown(lives: readonly Life[]): string {
  return lives
    .map(({ ending, events }, at) => {
      const lines = events.slice(-LINES_SHOWN).map((event) => `    ${JSON.stringify(event)}`);
      return [`  process ${at + 1}: ${ending}`, ...lines].join('\n');
    })
    .join('\n');
}
