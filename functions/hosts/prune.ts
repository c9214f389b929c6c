/** Removes old records from the database of the single-machine host, a little at a time, and old uploads. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SqlitePruning } from '../adapters/sqlite/pruning.ts';
import { counted } from '../base/counted.ts';
import type { Log } from '../base/log.ts';

export interface UploadPruneOptions {
  /** Returns how many files it removed. */
  removeOldUploads: () => Promise<number>;
  log: Log;
}

export interface PruneOptions extends UploadPruneOptions {
  pruning: SqlitePruning;
  /** Of the database from before an upgrade, when they are as old as what `pruning` removes. */
  removeOldCopies: () => void;
}

const PRUNE_EVERY_MS = 3_600_000;
/** Between two steps, requests are answered and messages are delivered. */
const BETWEEN_STEPS_MS = 20;

/** Begins at once, and again every hour. Disposing of it ends it before the next step. */
export function pruneFromTimeToTime(options: PruneOptions): AsyncDisposable {
  const { pruning, removeOldCopies, removeOldUploads, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function prune(): Promise<void> {
    removeOldCopies();
    let [tasks, rows] = [0, 0];
    for (;;) {
      const step = pruning.step();
      tasks += step.tasks;
      rows += step.rows;
      if (!step.more) break;
      await pause(BETWEEN_STEPS_MS, undefined, { signal });
    }
    if (tasks === 0) return;
    log.info(`Removed ${tasks} tasks that ended, or could not be read any more, more than TASK_DAYS ago`, {
      event: 'tasks.pruned',
      tasks,
      rows,
    });
  }

  const running = (async () => {
    while (!signal.aborted) {
      await prune().catch((error: unknown) => {
        if (!signal.aborted) log.warn('Old tasks cannot be removed', { event: 'tasks.not_pruned', error });
      });
      await pruneUploads({ removeOldUploads, log });
      await pause(PRUNE_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  })();

  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

/** Never rejects. */
export async function pruneUploads({ removeOldUploads, log }: UploadPruneOptions): Promise<void> {
  try {
    const files = await removeOldUploads();
    if (files === 0) return;
    log.info(`Removed ${counted(files, 'upload')} of more than a week ago, or unfinished`, {
      event: 'uploads.pruned',
      files,
    });
  } catch (error) {
    log.warn('Old uploads cannot be removed', { event: 'uploads.not_pruned', error });
  }
}
