import { isExpected } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/**
 * The body of an answer, made piece by piece as the client reads it. What makes it is begun with the first piece, and is ended
 * by its signal if the client goes away. An error breaks the connection off, so that nobody takes a part for the whole.
 * @param what for the log, after "An answer broke off:"
 */
export function streamed(
  make: (signal: AbortSignal) => AsyncGenerator<Uint8Array>,
  { what, log }: { what: string; log: Log },
): ReadableStream<Uint8Array> {
  const gone = new AbortController();
  const pieces = make(gone.signal);
  /** Made ahead, so that the stream ends with its last piece, and nothing of an answer that breaks off looks whole. */
  let ahead: Promise<IteratorResult<Uint8Array>> | undefined;
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const next = await (ahead ?? pieces.next());
          if (!next.done) {
            ahead = pieces.next();
            const { done } = await ahead;
            controller.enqueue(next.value);
            if (!done) return;
          }
          controller.close();
        } catch (error) {
          if (!gone.signal.aborted) brokenOff(error, what, log);
          throw error;
        }
      },
      async cancel(reason) {
        gone.abort(reason ?? new Error('The client is gone'));
        await pieces.return(undefined).catch(() => {});
      },
    },
    { highWaterMark: 0 },
  );
}

function brokenOff(error: unknown, what: string, log: Log): void {
  const fields = { event: 'answer.broken', error } as const;
  if (isExpected(error)) log.warn(`An answer broke off: ${what}. ${error.message}`, fields);
  else log.error(`An answer broke off with an unexpected error: ${what}`, fields);
}
