/** One run at a time for each note: a second one would not know what the first has sent and posted, and make all of it twice. */
import { join } from 'node:path';
import { acquireHostLock, HostLockedError } from '../../functions/adapters/process/host-lock.ts';

/** A run that was just stopped may still be ending. */
const WAIT_MS = 3_000;

/**
 * Held until it is disposed of, or the process ends. Throws an Error that says what to do if another run holds it.
 * @param name of the note
 */
export async function lockRun(
  folder: string,
  name: string,
  target: string,
  waitMs = WAIT_MS,
): Promise<Disposable> {
  try {
    return await acquireHostLock({ dir: join(folder, `${name}.lock`), waitMs });
  } catch (cause) {
    if (!HostLockedError.is(cause)) throw cause;
    const [who = ''] = /process \d+/.exec(cause.message) ?? [];
    throw new Error(
      `Expected no other run with ${target} and this service, got one that goes on${who && ` (${who})`}. ` +
        'Next step: wait until it has ended. The same command then shows what it made.',
      { cause },
    );
  }
}
