/** How far a task is: the `status` of an answer. */
import { prepareKey, renderKey } from '../coordination/lease-keys.ts';
import { endedStatus, type Progress, type TaskStatus } from '../model/task.ts';
import type { Outline } from '../model/task-summary.ts';
import type { LeaseStore } from '../ports/leases.ts';

/**
 * `rendering` once a video is being mixed, `preparing` once a source is being prepared. An ended status only once the
 * manifest is saved and the log line is written.
 * @param countPins called only if the status depends on it
 */
export async function statusOf(
  id: string,
  { sources, renders }: Outline,
  progress: Omit<Progress, 'published' | 'succeededAt' | 'targets'>,
  countPins: () => Promise<{ all: number; ready: number }>,
  leases: Pick<LeaseStore, 'read'>,
): Promise<TaskStatus> {
  if (progress.finishedAt !== null) return endedStatus(progress);
  if (progress.cancelRequested) return 'cancelling';
  const anyBegun = async (keys: readonly string[]) =>
    (await leases.read(keys)).some((state) => state !== 'none');
  if (progress.succeeded > 0) return 'rendering';
  const pins = await countPins();
  // A failure says nothing: a source that cannot be used fails its combinations before they begin.
  if (pins.ready > 0 && (await anyBegun(renders.map((index) => renderKey(id, index))))) return 'rendering';
  if (pins.all > 0 || progress.failed > 0) return 'preparing';
  const prepares = Array.from({ length: sources }, (_, source) => prepareKey(id, source));
  return (await anyBegun(prepares)) ? 'preparing' : 'queued';
}
