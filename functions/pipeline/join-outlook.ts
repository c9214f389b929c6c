/** What the pins of a task say about copying its clips. */
import type { CopyCheck } from '../model/pins.ts';
import { type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports.ts';

export type Decision = { video: 'copied'; header: string } | { video: 'encoded'; reason: string | null };

export interface JoinOutlook {
  /** Undefined while a clip that is missing may change it. */
  decided: Decision | undefined;
  /** Clips of which nothing is known yet. */
  late: number[];
  /** Length of those that can be copied. */
  seconds: number;
}

/** Clips of the task, as indexes into Plan.sources. */
export function clipsOf({ plan }: Task): number[] {
  return plan.sources.flatMap(({ kind }, number) => (kind === 'clip' ? [number] : []));
}

/** One clip that cannot be copied decides for all. A clip that has failed decides nothing: its videos fail anyway. */
export async function outlookOf(task: Task, pins: PinStore): Promise<JoinOutlook> {
  const clips = clipsOf(task);
  const copies = await pins.read(
    task.id,
    clips.map((clip) => `copy-${clip}` as const),
  );
  const titleOfClip = (clip: number) => titleOf(task.plan.sources[clip] as Source);
  const good: { clip: number; copy: Extract<CopyCheck, { header: string }> }[] = [];
  for (const [at, copy] of copies.entries()) {
    const clip = clips[at] as number;
    if (copy === undefined) continue;
    if (copy.refused !== undefined) return encoded(`${titleOfClip(clip)} ${copy.refused}`);
    good.push({ clip, copy });
  }
  const [first] = good;
  const other = good.find(({ copy }) => copy.header !== first?.copy.header);
  if (first !== undefined && other !== undefined) {
    return encoded(
      `${titleOfClip(other.clip)} was exported with other settings than ${titleOfClip(first.clip)}`,
    );
  }
  const missing = clips.filter((_, at) => copies[at] === undefined);
  const outcomes = await pins.read(
    task.id,
    missing.map((clip) => `prepared-${clip}` as const),
  );
  // By an earlier version of the service, which encoded every clip.
  const before = missing.find((_, at) => outcomes[at] !== undefined && outcomes[at]?.error === undefined);
  if (before !== undefined) return encoded(`${titleOfClip(before)} was encoded before`);
  const late = missing.filter((_, at) => outcomes[at] === undefined);
  const seconds = good.reduce((sum, { copy }) => sum + copy.seconds, 0);
  const isKnown = late.length === 0 && first !== undefined;
  return { decided: isKnown ? { video: 'copied', header: first.copy.header } : undefined, late, seconds };
}

function encoded(reason: string): JoinOutlook {
  return { decided: { video: 'encoded', reason }, late: [], seconds: 0 };
}
