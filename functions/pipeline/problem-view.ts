import { CODES, type TransientCode } from '../base/codes.ts';
import type { Stage } from '../base/errors.ts';
import type { Problem, Work } from '../model/problem.ts';
import type { Progress, Task } from '../model/task.ts';
import type { PinStore, ReportStore } from '../ports.ts';
import { STAGE_OF } from './prepare-source.ts';

/** What holds up a task, as the API shows it. Times are ISO 8601. */
export interface ProblemView {
  code: TransientCode;
  message: string;
  stage: Stage;
  hint: string;
  since: string;
  next_try_at: string | null;
}

export interface ProblemViewDeps {
  pins: Pick<PinStore, 'read'>;
  reports: Pick<ReportStore, 'list'>;
}

/** No message of ours is as long. Problems have no seal, so another account may have written them. */
const MAX_MESSAGE = 2_000;

/** The latest problem whose work has not ended meanwhile, perhaps in another process. `problems`: latest first. */
export async function problemView(
  task: Task,
  progress: Progress,
  problems: readonly Problem[],
  deps: ProblemViewDeps,
): Promise<ProblemView | null> {
  for (const problem of problems) {
    const about = aboutWork(task, problem.work);
    if (about === undefined || CODES[problem.code]?.kind !== 'transient') continue;
    if (await isOver(task, progress, problem.work, deps)) continue;
    return {
      code: problem.code,
      message: `${about.name}: ${problem.message}`.slice(0, MAX_MESSAGE),
      stage: problem.stage ?? about.stage,
      hint: CODES[problem.code].hint,
      since: new Date(problem.since).toISOString(),
      next_try_at: problem.nextTryAt === null ? null : new Date(problem.nextTryAt).toISOString(),
    };
  }
  return null;
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
      const name =
        work.topic === 'fetch' ? (`fetched-${work.source}` as const) : (`prepared-${work.source}` as const);
      return cancelRequested || (await pins.read(id, [name]))[0] !== undefined;
    }
    case 'render':
      return (await reports.list(id, work.index, work.index)).length > 0;
    case 'complete':
      return false;
  }
}

/** Undefined if the task has no such work. */
function aboutWork({ plan }: Task, work: Work): { name: string; stage: Stage } | undefined {
  switch (work.topic) {
    case 'fetch':
    case 'prepare': {
      const source = plan.sources[work.source];
      if (source === undefined) return undefined;
      const stage = work.topic === 'fetch' ? 'download' : STAGE_OF[source.kind];
      if (source.kind === 'line') return { name: `Line for ${source.voice}`, stage };
      return { name: `${source.kind === 'clip' ? 'Clip' : 'Track'} "${source.name}"`, stage };
    }
    case 'render':
      return plan.combinations.some(({ index }) => index === work.index)
        ? { name: `Combination ${work.index}`, stage: 'mix' }
        : undefined;
    case 'complete':
      return { name: 'Manifest', stage: 'save' };
  }
}
