import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../base/errors.ts';
import type { TaskStore } from '../ports/tasks.ts';

/** How often running work checks whether its task was cancelled. */
const POLL_MS = 500;

/**
 * Runs work and stops it if its task is cancelled: `cancelled` fires, and if the work then rejects, with any error, the
 * result is 'cancelled'. Work that can no longer be stopped may ignore the signal: if it succeeds, its value is
 * returned.
 */
export async function unlessCancelled<T>(
  taskId: string,
  signal: AbortSignal,
  tasks: Pick<TaskStore, 'isCancelled'>,
  work: (cancelled: AbortSignal) => Promise<T>,
): Promise<{ value: T } | 'cancelled'> {
  if (await tasks.isCancelled(taskId)) return 'cancelled';
  const cancelled = new AbortController();
  const done = new AbortController();
  const watching = watch(taskId, tasks, cancelled, done.signal);
  try {
    return { value: await work(cancelled.signal) };
  } catch (error) {
    if (cancelled.signal.aborted && !signal.aborted) return 'cancelled';
    throw error;
  } finally {
    done.abort();
    await watching;
  }
}

async function watch(
  taskId: string,
  tasks: Pick<TaskStore, 'isCancelled'>,
  cancelled: AbortController,
  done: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await sleep(POLL_MS, undefined, { signal: done });
    } catch {
      return;
    }
    // A failed check only delays the next one. If the store is down, the work itself reports it.
    if (!(await tasks.isCancelled(taskId).catch(() => false))) continue;
    cancelled.abort(new TransientError('cancelled', 'The task was cancelled.'));
    return;
  }
}
