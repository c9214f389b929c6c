import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../base/errors.ts';
import type { TaskStore } from '../ports.ts';

/** How often those at work look whether their task was cancelled. */
const POLL_MS = 500;

/**
 * Works for a task that may be cancelled meanwhile: then the signal fires, and whatever the work does about it,
 * except to end well, counts as cancelled. Work that is past the point where it can be stopped ignores it.
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
    // A look that fails is only late: whoever works meets the store's trouble by itself.
    if (!(await tasks.isCancelled(taskId).catch(() => false))) continue;
    cancelled.abort(new TransientError('cancelled', 'The task was cancelled.'));
    return;
  }
}
