import { setTimeout as pause } from 'node:timers/promises';
import { ServiceError } from '../../functions/client/client.ts';

const MOST_TRIES = 6;
const FIRST_PAUSE_MS = 500;
const MOST_PAUSE_MS = 60_000;

/** Asks again while the service is busy or starts: half a minute, or as long as it asks to wait. Throws what the last try throws. */
export async function withRetries<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!ServiceError.is(error) || !error.isTransient || tries === MOST_TRIES) throw error;
      const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** (tries - 1), error.retryAfterMs ?? 0);
      await pause(Math.min(pauseMs, MOST_PAUSE_MS), undefined, { signal });
    }
  }
}
