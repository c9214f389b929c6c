import type { Moment, RecordedRun, Stop } from './instrumentation.ts';

/** Calls before which a stage does work of its own: an ffmpeg run, files, a log line. */
const AFTER_WORK = ['artifacts.put', 'outputs.save', 'reports.claimCompletion', 'tasks.finish'];
/** Calls before which that work is long enough to be stopped in the middle: ffmpeg encodes, decodes or mixes. */
const AFTER_LONG_WORK = {
  prepare: ['artifacts.put clip', 'artifacts.put track'],
  render: ['artifacts.put soundtrack', 'outputs.save'],
} as Readonly<Record<string, readonly string[]>>;
/** Calls that are long enough to be stopped in the middle. */
const LONG = ['artifacts.put', 'outputs.save', 'downloads.get', 'speech.speak', 'sender.send'];
/** Instances to stop at each point, 1 by default. The second render to get there is the one that completes the task. */
const LAST = { render: 2 } as Readonly<Record<string, number>>;

/** The stop points between all neighbouring calls in the recorded runs of a stage, once per kind of instance. */
export function stopPoints(recorded: readonly RecordedRun[], stage: string): Stop[] {
  const runs = recorded.filter((run) => run.stage === stage);
  const stops: Stop[] = [];
  for (const kind of new Set(runs.map((run) => run.kind))) {
    const ofKind = runs.filter((run) => run.kind === kind);
    // Any of them may be stopped, because another one may be first the next time.
    const instances = instancesOf(ofKind, []);
    // If only one instance is tried, it is the one with the most calls: the first clip also chooses the profile.
    const alike = stage in LAST ? ofKind : [longest(ofKind)];
    for (const { calls, upToBegin } of prefixes(alike)) {
      const add = (moment: Moment, nth: number, reached = calls) =>
        stops.push({ by: 'sequence', stage, instances, nth, calls: reached, moment });
      const most = Math.min(LAST[stage] ?? 1, instancesOf(alike, calls).length);
      for (let nth = 1; nth <= most; nth++) add('after', nth);
      const call = calls.at(-1);
      if (isOneOf(AFTER_WORK, call)) add('before', 1, upToBegin);
      if (isOneOf(LONG, call)) add('during', 1, upToBegin);
      const next = alike.filter((run) => begins(run, calls)).map((run) => run.calls[calls.length]);
      if (next.some((following) => isOneOf(AFTER_LONG_WORK[stage] ?? [], following))) add('later', 1);
    }
  }
  return stops;
}

export function describeStop(stop: Stop | undefined): string {
  switch (stop?.by) {
    case undefined:
      return 'no stop';
    case 'count':
      return `after ${stop.calls} calls of any stage`;
    case 'call':
      return `${stop.moment} every ${stop.call} in ${stop.stage} of ${stop.instance}`;
    case 'sequence': {
      const { stage, instances, nth, calls, moment } = stop;
      const call = calls.length === 0 ? 'its beginning' : `call ${calls.length}, ${calls.at(-1)}`;
      return `${moment} ${call} in ${stage} of ${instances.join(' or ')}${nth > 1 ? ' (the second one there)' : ''}`;
    }
  }
}

interface Prefix {
  calls: string[];
  /** Those that had ended when the last one began, and that one. */
  upToBegin: string[];
}

/** All distinct beginnings of the runs, the empty one first. */
function prefixes(runs: readonly RecordedRun[]): Prefix[] {
  const found = new Map<string, Prefix>();
  for (const { calls, begun } of runs) {
    for (let length = 0; length <= calls.length; length++) {
      const prefix = calls.slice(0, length);
      const upToBegin = [...prefix.slice(0, begun[length - 1] ?? 0), ...prefix.slice(-1)];
      found.set(prefix.join('\n'), { calls: prefix, upToBegin });
    }
  }
  return [...found.values()];
}

function longest(runs: readonly RecordedRun[]): RecordedRun {
  return runs.reduce((best, run) => (run.calls.length > best.calls.length ? run : best));
}

function instancesOf(runs: readonly RecordedRun[], calls: readonly string[]): string[] {
  return [...new Set(runs.filter((run) => begins(run, calls)).map(({ instance }) => instance))];
}

function begins(run: RecordedRun, calls: readonly string[]): boolean {
  return calls.every((call, at) => run.calls[at] === call);
}

function isOneOf(names: readonly string[], call: string | undefined): boolean {
  return call !== undefined && names.some((name) => call === name || call.startsWith(`${name} `));
}
