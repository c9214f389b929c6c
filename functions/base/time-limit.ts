/** Time limits as signals, and waiting under them. They go by the time awake: nobody is late while the machine sleeps. */
import { type AwakeTimer, afterAwake } from './awake.ts';

export interface TimeLimit extends AwakeTimer {
  /** Fires when the time is up, or when the outer signal does. */
  readonly signal: AbortSignal;
}

/**
 * A signal that fires after `ms` milliseconds with the error that `late` makes, or with `outer` and its reason. Dispose
 * of it when the work is done.
 */
export function timeLimit(ms: number, late: () => Error, outer?: AbortSignal): TimeLimit {
  const over = new AbortController();
  const timer = afterAwake(ms, () => over.abort(late()));
  return {
    signal: outer === undefined ? over.signal : AbortSignal.any([outer, over.signal]),
    ...timer,
  };
}

/** The result of the work. Rejects with the error that `late` makes after `ms` milliseconds, or as `outer` does. */
export async function inTime<T>(
  work: Promise<T>,
  ms: number,
  late: () => Error,
  outer?: AbortSignal,
): Promise<T> {
  using limit = timeLimit(ms, late, outer);
  return await unlessAborted(limit.signal, work);
}

/**
 * The result of the work, for a caller who stops waiting when the signal fires: rejects with its reason. The work itself
 * goes on, as others may wait for it too.
 */
export async function unlessAborted<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (signal === undefined) return work;
  // Nobody listens to the work once its caller has left, and an unheard rejection would end the process.
  work.catch(() => {});
  signal.throwIfAborted();
  using listening = new DisposableStack();
  const aborted = new Promise<never>((_, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    listening.defer(() => signal.removeEventListener('abort', stop));
  });
  return await Promise.race([work, aborted]);
}
