/** Removes old records from the database of the single-machine host, a little at a time. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SqlitePruning } from '../adapters/sqlite/pruning.ts';
import type { Log } from '../base/log.ts';

export interface PruneOptions {
  pruning: SqlitePruning;
  log: Log;
}

const PRUNE_EVERY_MS = 3_600_000;
/** Between two steps, requests are answered and messages are delivered. */
const BETWEEN_STEPS_MS = 20;

/** Begins at once, and again every hour. Disposing of it ends it before the next step. */
export function pruneFromTimeToTime({ pruning, log }: PruneOptions): AsyncDisposable {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function prune(): Promise<void> {
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
