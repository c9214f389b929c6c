import type { Failure } from './errors.ts';
import type { Report, Task } from './ports.ts';
import { fileName } from './task/names.ts';
import type { Combination } from './task/plan.ts';

export const RENDER_STATUSES = ['pending', 'rendering', 'succeeded', 'failed', 'cancelled'] as const;
export type RenderStatus = (typeof RENDER_STATUSES)[number];

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

/** What was planned for a combination. */
export function choicesOf(task: Pick<Task, 'plan'>, { index, clips, track, line }: Combination) {
  const { sources } = task.plan;
  const url = (number: number): string => {
    const source = sources[number];
    return source === undefined || source.kind === 'line' ? '' : source.url;
  };
  const spoken = line === null ? undefined : sources[line];
  return {
    index,
    clips: clips.map(url),
    track: track === null ? null : url(track),
    voice: spoken?.kind === 'line' ? spoken.voice : null,
    text: spoken?.kind === 'line' ? spoken.text : null,
  };
}

/** Planned choices and what became of them; `started` where no report came yet. */
export function renderView(
  task: Task,
  combination: Combination,
  report: Report | undefined,
  started: { held: boolean; takes: number },
): RenderView {
  return {
    ...choicesOf(task, combination),
    status: report?.status ?? (started.held ? 'rendering' : 'pending'),
    file_name: report?.fileName ?? fileName(task.id, task.plan, combination),
    url: report?.url ?? null,
    duration_seconds: report?.durationSeconds ?? null,
    render_seconds: report?.renderSeconds ?? null,
    attempts: report?.attempts ?? started.takes,
    warnings: report?.warnings ?? [],
    error: report?.error ?? null,
  };
}
