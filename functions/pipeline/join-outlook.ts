/** What the pins of a task say about copying its clips. */
import type { CopyPin } from '../model/pins.ts';
import { type Source, titleOf } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { PinStore } from '../ports/pins.ts';

export type Decision =
  | { video: 'copied'; header: string; formats?: number[] }
  | { video: 'encoded'; reason: string | null };

export interface JoinOutlook {
  /** Undefined while a clip that is missing may change it, and if no clip is left. */
  decided?: Decision;
  /** A clip of which nothing is known yet. */
  missing?: number;
  /** When the last of those that can be copied was looked at, in milliseconds since the epoch. */
  latest?: number | undefined;
}

type Good = Extract<CopyPin, { header: string }>;

/** The decision for a task whose clips are encoded whatever they are; undefined: they are looked at. */
export function decidedBefore({ plan }: Task): Extract<Decision, { video: 'encoded' }> | undefined {
  const encoded = (reason: string | null) => ({ video: 'encoded', reason }) as const;
  if (plan.output.reencode) return encoded(null);
  if (plan.captions?.inside === 'burn') return encoded('captions are burned in');
  const burned = plan.sources.find((source) => source.kind === 'clip' && source.overlays !== undefined);
  return burned && encoded(`an overlay is burned into ${titleOf(burned)}`);
}

/** Clips of the task, as indexes into Plan.sources. */
export function clipsOf({ plan }: Task): number[] {
  return plan.sources.flatMap(({ kind }, number) => (kind === 'clip' ? [number] : []));
}

/** When the last of the clips that can be copied was looked at, in milliseconds since the epoch; undefined if none was. */
export async function latestLook(task: Task, pins: PinStore): Promise<number | undefined> {
  return latestOf((await copyPins(task, pins)).flatMap((copy) => (isGood(copy) ? [copy] : [])));
}

/** One clip that cannot be copied decides for all. A clip that has failed decides nothing: its videos fail anyway. */
export async function outlookOf(task: Task, pins: PinStore): Promise<JoinOutlook> {
  const clips = clipsOf(task);
  const copies = await copyPins(task, pins);
  const titleOfClip = (clip: number) => titleOf(task.plan.sources[clip] as Source);
  const good: { clip: number; copy: Good }[] = [];
  for (const [at, copy] of copies.entries()) {
    const clip = clips[at] as number;
    if (copy?.refused !== undefined) return encoded(`${titleOfClip(clip)} ${copy.refused}`);
    if (isGood(copy)) good.push({ clip, copy });
  }
  const [first] = good;
  if (first === undefined) return {};
  const other = good.find(({ copy }) => copy.header !== first.copy.header);
  if (other !== undefined) {
    return encoded(
      `${titleOfClip(other.clip)} was exported with other settings than ${titleOfClip(first.clip)}`,
    );
  }
  const latest = latestOf(good.map(({ copy }) => copy));
  const unseen = clips.filter((_, at) => copies[at] === undefined);
  // Nearly always nothing is known of the first one, and then the others do not matter: each read costs.
  for (const some of [unseen.slice(0, 1), unseen.slice(1)]) {
    const outcomes = await pins.read(
      task.id,
      some.map((clip) => `prepared-${clip}` as const),
    );
    // An earlier version of the service encoded every clip, and did not look at it.
    const before = some.find((_, at) => outcomes[at] !== undefined && outcomes[at]?.error === undefined);
    if (before !== undefined) return encoded(`${titleOfClip(before)} was encoded before`);
    const missing = some.find((_, at) => outcomes[at] === undefined);
    if (missing !== undefined) return { missing, latest };
  }
  const { header, formats } = first.copy;
  return { decided: { video: 'copied', header, ...(formats && { formats }) }, latest };
}

async function copyPins(task: Task, pins: PinStore): Promise<(CopyPin | undefined)[]> {
  return pins.read(
    task.id,
    clipsOf(task).map((clip) => `copy-${clip}` as const),
  );
}

function isGood(copy: CopyPin | undefined): copy is Good {
  return copy !== undefined && copy.refused === undefined;
}

function latestOf(good: readonly Good[]): number | undefined {
  return good.length === 0 ? undefined : Math.max(...good.map(({ at }) => at));
}

function encoded(reason: string): JoinOutlook {
  return { decided: { video: 'encoded', reason } };
}
