/** Starts a thread for the first line, keeps it for the next ones, and ends it when none comes. */
import { TransientError } from '../../base/errors.ts';
import type { SpeechRequest, SpeechThread } from './speech-thread.ts';

export interface KeptSpeechThreadOptions<Request extends SpeechRequest> {
  start(): SpeechThread<Request>;
  /** Limit for one line, with the start. */
  timeLimitMs: number;
  /** How long the thread is kept after a line. */
  idleMs: number;
}

export interface KeptSpeechThread<Request extends SpeechRequest> extends AsyncDisposable {
  /** One at a time. Rejects as the thread does, and once this is disposed of. */
  speak(request: Request, signal: AbortSignal): Promise<Uint8Array>;
}

export function keepSpeechThread<Request extends SpeechRequest>(
  options: KeptSpeechThreadOptions<Request>,
): KeptSpeechThread<Request> {
  let thread: SpeechThread<Request> | undefined;
  let idle: NodeJS.Timeout | undefined;
  let isOver = false;

  return {
    async speak(request, signal) {
      signal.throwIfAborted();
      // A new thread would keep the process running.
      if (isOver) throw new TransientError('waiting', 'The service is stopping.');
      clearTimeout(idle);
      if (!thread || thread.ended) thread = options.start();
      const own = thread;
      try {
        return await own.speak(request, options.timeLimitMs, signal);
      } finally {
        idle = setTimeout(() => {
          // Cleared first, so that a line that arrives while this thread ends starts a new one.
          thread = undefined;
          void own.end();
        }, options.idleMs).unref();
      }
    },

    async [Symbol.asyncDispose]() {
      isOver = true;
      clearTimeout(idle);
      await thread?.end();
    },
  };
}
