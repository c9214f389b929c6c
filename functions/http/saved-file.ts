/** Saved files as answers need them: found with errors for callers, and read to the end over short failures. */
import { setTimeout as pause } from 'node:timers/promises';
import { PermanentError, RequestError, TransientError } from '../base/errors.ts';
import type { Task } from '../model/task.ts';
import type { FoundFile, OutputStore } from '../ports/outputs.ts';
import type { ByteRange } from './byte-range.ts';

/** Failures in a row without a byte between them. */
const MOST_FAILURES = 4;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * The video that the task has saved under that name; undefined if someone has removed it.
 * @throws RequestError output_unreadable, and TransientError if that cannot be told now
 */
export async function findVideo(
  task: Task,
  fileName: string,
  { outputs }: { outputs: Pick<OutputStore, 'find'> },
  signal: AbortSignal,
): Promise<FoundFile | undefined> {
  try {
    return await outputs.find(task.folder, fileName, { taskId: task.id }, signal);
  } catch (error) {
    if (!PermanentError.is(error)) throw error;
    throw new RequestError('output_unreadable', error.message, { cause: error });
  }
}

/** Goes on where the reading stopped if the network fails for a moment. Throws unless exactly these bytes came. */
export async function* readWhole(
  file: FoundFile,
  signal: AbortSignal,
  { from, to }: ByteRange = { from: 0, to: file.bytes - 1 },
): AsyncGenerator<Uint8Array> {
  let next = from;
  for (let failures = 0; next <= to; ) {
    try {
      const range = next === 0 && to === file.bytes - 1 ? {} : { from: next, to };
      for await (const piece of file.read({ signal, ...range })) {
        failures = 0;
        next += piece.length;
        if (next > to + 1) throw changed(to + 1 - from, 'more');
        yield piece;
      }
      if (next <= to) throw changed(to + 1 - from, 'fewer');
    } catch (error) {
      failures += 1;
      if (!TransientError.is(error) || failures > MOST_FAILURES) throw error;
      await pause(pauseMs(error, failures), undefined, { signal });
    }
  }
}

function changed(bytes: number, got: 'more' | 'fewer'): PermanentError {
  const detail = `Expected ${bytes} bytes of a video, got ${got}: it changes while it is read. Next step: ask again.`;
  return new PermanentError('output_missing', 'save', detail);
}

function pauseMs({ retryAfterMs }: TransientError, failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, retryAfterMs ?? FIRST_PAUSE_MS * 2 ** failures);
}
