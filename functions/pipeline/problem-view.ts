import { CODES } from '../base/codes.ts';
import type { Stage } from '../base/errors.ts';
import type { ProblemView } from '../model/answers/task.ts';
import { pieceName, pieceOf } from '../model/pieces.ts';
import type { PinName } from '../model/pins.ts';
import type { Problem, Work } from '../model/problem.ts';
import { sourceTitle } from '../model/source-title.ts';
import type { Progress, Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';
import type { ReportStore } from '../ports/reports.ts';
import { STAGE_OF } from './prepare-source.ts';

export interface ProblemViewDeps {
  pins: Pick<PinStore, 'read'>;
  reports: Pick<ReportStore, 'list'>;
}

/** Each costs a read. */
const MOST_CHECKED = 20;
/** No message of ours is as long. Problems have no seal, so another account may have written them. */
const MAX_MESSAGE = 2_000;

/** The latest problem whose work has not ended meanwhile, perhaps in another process. `problems`: latest first. */
export async function problemView(
  task: Task,
  progress: Progress,
  problems: readonly Problem[],
  deps: ProblemViewDeps,
): Promise<ProblemView | null> {
  const firstThatHolds = async (some: readonly Problem[]): Promise<Problem | undefined> => {
    for (const problem of some.slice(0, MOST_CHECKED))
      if (!(await isOver(task, progress, problem.work, deps))) return problem;
    return undefined;
  };
  const known = problems.filter((problem) => isKnown(task, problem));
  const shown = await firstThatHolds(known);
  const about = shown && aboutWork(task, shown.work);
  if (shown === undefined || about === undefined) return null;
  const same = known.filter((problem) => isSameTrouble(shown, problem));
  const first = await firstThatHolds(same.toSorted((one, other) => one.since - other.since));
  const since = Math.min(shown.since, first?.since ?? shown.since);
  return {
    code: shown.code,
    message: `${about.name}: ${shown.message}`.slice(0, MAX_MESSAGE),
    stage: shown.stage ?? about.stage,
    hint: CODES[shown.code].hint,
    since: new Date(since).toISOString(),
    next_try_at: shown.nextTryAt === null ? null : new Date(shown.nextTryAt).toISOString(),
  };
}

/** Whether it is as this service writes it, about work of this task. */
function isKnown(task: Task, { work, code, message, since, nextTryAt }: Partial<Problem>): boolean {
  return (
    work !== undefined &&
    aboutWork(task, work) !== undefined &&
    code !== undefined &&
    CODES[code]?.kind === 'transient' &&
    typeof message === 'string' &&
    isTime(since) &&
    (nextTryAt === null || isTime(nextTryAt))
  );
}

function isTime(at: unknown): boolean {
  return !Number.isNaN(new Date(at as number).getTime()) && typeof at === 'number';
}

/** A disk, a vendor or a network holds up many works at once, and began to with the first. Each source is on its own. */
function isSameTrouble(one: Problem, other: Problem): boolean {
  return one.code === other.code && one.work.topic === other.work.topic && one.work.topic !== 'fetch';
}

async function isOver(
  { id }: Task,
  { cancelRequested }: Progress,
  work: Work,
  { pins, reports }: ProblemViewDeps,
): Promise<boolean> {
  switch (work.topic) {
    case 'fetch':
    case 'prepare': {
      // A cancelled task needs no sources.
      return cancelRequested || (await pins.read(id, [pinOf(work)]))[0] !== undefined;
    }
    case 'render':
      return (await reports.list(id, work.index, work.index)).length > 0;
    case 'complete':
      return false;
  }
}

function pinOf({ topic, source, piece }: Extract<Work, { source: number }>): PinName {
  if (topic === 'fetch') return `fetched-${source}`;
  // Of any text, as for the messages.
  const made = piece === undefined ? undefined : pieceOf(String(piece));
  return made === undefined ? `prepared-${source}` : `piece-${pieceName(made)}`;
}

/** Undefined if the task has no such work. */
function aboutWork({ plan }: Task, work: Work): { name: string; stage: Stage } | undefined {
  switch (work.topic) {
    case 'fetch':
    case 'prepare': {
      const source = plan.sources[work.source];
      if (source === undefined) return undefined;
      const stage = work.topic === 'fetch' ? 'download' : STAGE_OF[source.kind];
      return { name: sourceTitle(source), stage };
    }
    case 'render':
      return plan.combinations.some(({ index }) => index === work.index)
        ? { name: `Combination ${work.index}`, stage: 'mix' }
        : undefined;
    case 'complete':
      return { name: 'Manifest', stage: 'save' };
    default:
      return undefined;
  }
}
