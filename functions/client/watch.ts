/** Follows a task by asking for its status again and again. */
import type { StatusView } from '../model/answers/task.ts';
import { taskPaths } from '../model/paths.ts';
import { retryAfterMs, ServiceError } from './service-error.ts';
import { jsonOf, type Transport } from './transport.ts';

/** A task of seconds is seen to end at once, and one of hours costs few requests: at last as few as Retry-After says. */
const FIRST_PAUSE_MS = 250;
const GROWTH = 1.1;
const MOST_PAUSE_MS = 2_000;
/** While the service does not answer. */
const MOST_FAILED_PAUSE_MS = 15_000;
/** A longer word than this is not taken for a pause. */
const MOST_ASKED_MS = 600_000;
const PATIENCE_MS = 300_000;

export interface WatchOptions {
  signal: AbortSignal;
  /** For how long the service may be away, or too busy to answer, before the watch ends with an error. Default: 5 minutes. */
  patienceMs?: number | undefined;
}

/**
 * Each status that differs from the last one; the last has `completed_at`. Throws ServiceError if there is no such task, or
 * the service is away for longer than `patienceMs`.
 */
export async function* watchTask(
  transport: Transport,
  taskId: string,
  { signal, patienceMs = PATIENCE_MS }: WatchOptions,
): AsyncGenerator<StatusView, void> {
  let pauseMs = FIRST_PAUSE_MS;
  let failedSince: number | undefined;
  let etag: string | null = null;
  for (;;) {
    let askedMs = 0;
    try {
      const { status, headers } = await readStatus(transport, taskId, etag, signal);
      etag = headers.get('etag');
      if (failedSince !== undefined) pauseMs = FIRST_PAUSE_MS;
      failedSince = undefined;
      if (status !== undefined) yield status;
      if (status !== undefined && status.completed_at !== null) return;
      const mostMs = Math.min(retryAfterMs(headers) ?? MOST_PAUSE_MS, MOST_ASKED_MS);
      pauseMs = Math.max(FIRST_PAUSE_MS, Math.min(pauseMs * GROWTH, mostMs));
    } catch (error) {
      if (!ServiceError.is(error) || !error.isTransient) throw error;
      const now = performance.now();
      failedSince ??= now;
      askedMs = error.retryAfterMs ?? 0;
      const leftMs = patienceMs - (now - failedSince);
      if (leftMs <= 0 || askedMs > leftMs) throw error;
      pauseMs = Math.min(pauseMs * 2, MOST_FAILED_PAUSE_MS);
    }
    await pause(Math.max(pauseMs, Math.min(askedMs, MOST_ASKED_MS)), signal);
  }
}

/** Without a status: it is the one that the etag stands for. */
async function readStatus(
  transport: Transport,
  taskId: string,
  etag: string | null,
  signal: AbortSignal,
): Promise<{ status?: StatusView; headers: Headers }> {
  const answer = await transport.text(taskPaths(taskId).self, {
    signal,
    headers: etag === null ? {} : { 'if-none-match': etag },
  });
  const { headers } = answer.response;
  if (answer.response.status === 304) return { headers };
  return { status: jsonOf<StatusView>(answer, 'completed_at'), headers };
}

/** Rejects with the reason of the signal as soon as it is aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(resolve, ms);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  });
}
