/** How far a task is: the `status` of an answer. */
import { prepareKey, renderKey } from '../coordination/lease-keys.ts';
import { endedStatus, type Progress, type Task, type TaskStatus } from '../model/task.ts';
import type { LeaseStore } from '../ports.ts';

/** How many renders, or sources, are checked for a start. Each check is a read. */
const CHECKED = 10;

/**
 * `rendering` once a video is being mixed, `preparing` once a source is being prepared. An ended status only once the
 * manifest is saved and the log line is written.
 */
export async function statusOf(
  { id, plan }: Task,
  progress: Progress,
  pins: { all: number; ready: number },
  leases: LeaseStore,
): Promise<TaskStatus> {
  if (progress.finishedAt !== null) return endedStatus(progress);
  if (progress.cancelRequested) return 'cancelling';
  const anyBegun = async (keys: readonly string[]) =>
    (await leases.read(keys)).some((state) => state !== 'none');
  if (progress.succeeded > 0) return 'rendering';
  // A failure says nothing: a source that cannot be used fails its combinations before they begin.
  if (pins.ready > 0) {
    const renders = someOf(plan.combinations).map(({ index }) => renderKey(id, index));
    if (await anyBegun(renders)) return 'rendering';
  }
  if (pins.all > 0 || progress.failed > 0) return 'preparing';
  const prepares = plan.sources.slice(0, CHECKED).map((_, source) => prepareKey(id, source));
  return (await anyBegun(prepares)) ? 'preparing' : 'queued';
}

/** The first ones, which usually begin first, and others spread over the rest, as the first may lack a source. */
function someOf<T>(all: readonly T[]): T[] {
  const first = CHECKED / 2;
  const rest = all.slice(first);
  const step = Math.max(1, rest.length / first);
  const spread = Array.from(
    { length: Math.min(first, rest.length) },
    (_, at) => rest[Math.floor(at * step)] as T,
  );
  return [...all.slice(0, first), ...spread];
}
