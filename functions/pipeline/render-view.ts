import type { Failure } from '../base/errors.ts';
import { fileName } from '../model/names.ts';
import type { Combination } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import type { Task } from '../model/task.ts';
import type { LeaseState } from '../ports.ts';

export const RENDER_STATUSES = ['pending', 'rendering', 'succeeded', 'failed', 'cancelled'] as const;
export type RenderStatus = (typeof RENDER_STATUSES)[number];

export const NOT_BEGUN: LeaseState = { held: false, takes: 0, crashes: 0, failures: 0 };

/** One combination as the API and the manifest show it. */
export interface RenderView {
  index: number;
  status: RenderStatus;
  clips: string[];
  track: string | null;
  voice: string | null;
  text: string | null;
  file_name: string;
  url: string | null;
  duration_seconds: number | null;
  render_seconds: number | null;
  attempts: number;
  warnings: string[];
  error: Failure | null;
}

/** What was planned for a combination. Sources as the caller wrote them, or without what may be secret in them. */
export function choicesOf(
  task: Pick<Task, 'plan'>,
  { index, clips, track, line }: Combination,
  shown: 'url' | 'masked' = 'url',
) {
  const { sources } = task.plan;
  const address = (number: number): string => {
    const source = sources[number];
    return source === undefined || source.kind === 'line' ? '' : source[shown];
  };
  const spoken = line === null ? undefined : sources[line];
  return {
    index,
    clips: clips.map(address),
    track: track === null ? null : address(track),
    voice: spoken?.kind === 'line' ? spoken.voice : null,
    text: spoken?.kind === 'line' ? spoken.text : null,
  };
}

/** Planned choices and what became of them; `begun` where no report came yet. */
export function renderView(
  task: Task,
  combination: Combination,
  report: Report | undefined,
  begun: LeaseState,
): RenderView {
  return {
    ...choicesOf(task, combination),
    status: report?.status ?? (begun.held ? 'rendering' : 'pending'),
    file_name: report?.fileName ?? fileName(task, combination),
    url: report?.url ?? null,
    duration_seconds: report?.durationSeconds ?? null,
    render_seconds: report?.renderSeconds ?? null,
    attempts: report?.attempts ?? begun.crashes + begun.failures + (begun.held ? 1 : 0),
    warnings: report?.warnings ?? [],
    error: report?.error ?? null,
  };
}
