/** What an ended task cost, from what its pins and reports say that it took. */
import { chunked } from '../base/chunked.ts';
import { add, record } from '../base/telemetry/metrics.ts';
import { costOf, type Prices, type TaskCost } from '../model/cost.ts';
import type { Effort, PinName } from '../model/pins.ts';
import type { Report } from '../model/report.ts';
import { charactersOf } from '../model/speech.ts';
import type { endedStatus, Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import { pieceStates } from './pieces.ts';

/** Pins that are read at a time. */
const READ_AT_ONCE = 200;

export interface CostDeps {
  pins: PinStore;
  prices: Prices;
}

/** An ended task, and how it ended. */
interface Ended {
  task: Task;
  reports: readonly Report[];
  /** Milliseconds since the epoch. */
  finishedAt: number;
}

/**
 * Only what the task had made for itself counts, and what it had made again because it was evicted does not. `prepare` may have
 * been taken over, so a pin cannot say more than is possible: each line of the plan once, and no work that took longer than
 * the task.
 */
export async function costOfTask(
  { task, reports, finishedAt }: Ended,
  { pins, prices }: CostDeps,
): Promise<TaskCost> {
  const longest = Math.max(0, finishedAt - Date.parse(task.createdAt)) / 1000;
  const secondsOf = (pin: Pick<Effort, 'workSeconds'> | null) => {
    const workSeconds: unknown = pin?.workSeconds;
    return typeof workSeconds === 'number' && workSeconds > 0 ? Math.min(workSeconds, longest) : 0;
  };
  const sources = await sourcePins(task, pins);
  const pieces = (await pieceStates(task, task.plan.combinations, pins))[0]?.pins.values() ?? [];
  return costOf(
    {
      characters: boughtCharacters(task, sources),
      prepareSeconds: sum([...sources.map(({ pin }) => pin), ...pieces].map(secondsOf)),
      renderSeconds: sum(reports.map(({ workSeconds, renderSeconds }) => workSeconds ?? renderSeconds ?? 0)),
    },
    prices,
  );
}

interface SourcePin {
  number: number;
  pin: Effort & { artifact?: unknown };
}

async function sourcePins({ id, plan }: Task, pins: PinStore): Promise<SourcePin[]> {
  const found: SourcePin[] = [];
  for (const some of chunked([...plan.sources.keys()], READ_AT_ONCE)) {
    const names = some.map((number) => `prepared-${number}` as const satisfies PinName);
    for (const [at, pin] of (await pins.read(id, names)).entries())
      if (pin != null) found.push({ number: some[at] as number, pin });
  }
  return found;
}

/** Lines of the same sound, such as one in two groups, are bought once. */
function boughtCharacters({ plan }: Task, sources: readonly SourcePin[]): number {
  const bought = new Map<string, number>();
  for (const { number, pin } of sources) {
    const source = plan.sources[number];
    if (source?.kind !== 'line' || pin.spoken !== 'bought' || typeof pin.artifact !== 'string') continue;
    bought.set(pin.artifact, charactersOf(source));
  }
  return sum([...bought.values()]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Once for each task. */
export function countCost(
  { usd, speechUsd, computeUsd }: TaskCost,
  status: ReturnType<typeof endedStatus>,
): void {
  record('every_cut.task.cost', usd, { 'every_cut.status': status });
  add('every_cut.cost', speechUsd, { 'every_cut.cost.kind': 'speech' });
  add('every_cut.cost', computeUsd, { 'every_cut.cost.kind': 'compute' });
}
