/** What a host finds when it starts. */
import type { DiskOutputs } from '../adapters/disk/outputs.ts';
import { fileNames, manifestName } from '../model/names.ts';
import type { TaskStore } from '../ports/tasks.ts';

const PAGE = 100;

/**
 * Looks through the unfinished tasks: counts what is taken up again, names those that cannot be, and removes partly copied
 * files from their output folders, which copies to another disk leave behind.
 */
export async function lookThrough(tasks: TaskStore, outputs: DiskOutputs) {
  const found = { partsRemoved: 0, tasks: 0, videos: 0, unreadable: [] as string[] };
  let after: string | undefined;
  for (;;) {
    const ids = await tasks.unfinished(PAGE, after);
    for (const id of ids) {
      const task = await tasks.get(id);
      if (task === undefined) {
        found.unreadable.push(id);
        continue;
      }
      const { succeeded = 0, failed = 0, cancelled = 0 } = (await tasks.progress(id)) ?? {};
      found.tasks++;
      found.videos += task.plan.combinations.length - succeeded - failed - cancelled;
      const videos = task.plan.combinations.flatMap((combination) => fileNames(task, combination));
      const names = [...videos, manifestName(id, 'json'), manifestName(id, 'csv')];
      found.partsRemoved += await outputs.removeParts(task.folder, names);
    }
    after = ids.at(-1);
    if (ids.length < PAGE) return found;
  }
}
