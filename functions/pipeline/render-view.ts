import { CODES } from '../base/codes.ts';
import type { ChoicesView, RenderOutcome } from '../model/answers/render.ts';
import { type Attempts, NO_ATTEMPTS } from '../model/attempts.ts';
import type { LeaseState } from '../model/lease-state.ts';
import { fileName, shownNames } from '../model/names.ts';
import type { Combination } from '../model/plan.ts';
import type { Report } from '../model/report.ts';
import { targetViews } from '../model/target-texts.ts';
import type { Task } from '../model/task.ts';

/** The progress of a combination that has not reported yet. */
export interface Begun {
  state: LeaseState;
  attempts: Attempts;
}

export const NOT_BEGUN: Begun = { state: 'none', attempts: NO_ATTEMPTS };

/** The sources of a combination, as the caller wrote them or with possible secrets masked. */
export function choicesOf(
  task: Pick<Task, 'plan'>,
  { index, number = index, format, clips, track, line }: Combination,
  shown: 'url' | 'masked' = 'url',
): ChoicesView {
  const { sources, formats } = task.plan;
  const names = shownNames(task.plan, { clips, track });
  const address = (number: number): string => {
    const source = sources[number];
    return source === undefined || source.kind === 'line' ? '' : source[shown];
  };
  const spoken = line === null ? undefined : sources[line];
  return {
    index,
    combination: number,
    format: format === undefined ? null : (formats?.[format]?.name ?? null),
    language: spoken?.kind === 'line' ? (spoken.language ?? null) : null,
    group: spoken?.kind === 'line' ? (spoken.group ?? null) : null,
    clips: clips.map(address),
    clip_names: names.clips,
    track: track === null ? null : address(track),
    track_name: names.track,
    voice: spoken?.kind === 'line' ? spoken.voice : null,
    text: spoken?.kind === 'line' ? spoken.text : null,
  };
}

/** The plan of a combination and its outcome; `begun` is used if there is no report yet. */
export function renderOutcome(
  task: Task,
  combination: Combination,
  report: Report | undefined,
  { state, attempts: { crashes, failures } }: Begun,
): RenderOutcome {
  const held = state === 'held';
  return {
    ...choicesOf(task, combination),
    status: report?.status ?? (held ? 'rendering' : 'pending'),
    file_name: report?.fileName ?? fileName(task, combination),
    url: report?.url ?? null,
    duration_seconds: report?.durationSeconds ?? null,
    render_seconds: report?.renderSeconds ?? null,
    attempts: report?.attempts ?? crashes + failures + (held ? 1 : 0),
    warnings: report?.warnings ?? [],
    targets: targetViews(report?.targets),
    files: (report?.files ?? []).map(({ fileName, ...file }) => ({ ...file, file_name: fileName })),
    error: report?.error == null ? null : { ...report.error, hint: CODES[report.error.code].hint },
  };
}
