import type { LeaseStore } from '../ports.ts';
import type { ExclusiveGate } from './exclusive-gate.ts';
import { type Semaphore, UNLIMITED } from './fair-semaphore.ts';

export interface CrashIsolationDeps {
  leases: LeaseStore;
  /** Absent where the queue sees to it that suspects are alone. */
  gate?: ExclusiveGate;
}

/** Of a lease that nobody holds: it was taken over from a dead holder so often, and mostly that one is dead by now, too. */
const ISOLATED_AFTER_CRASHES = 1;

/**
 * Room for the work under that lease. What may have ended processes takes it alone, and before it holds the lease, so
 * that whoever waits beside it is not to blame for the next death.
 */
export function isolateAfterCrash(
  key: string,
  { leases, gate }: CrashIsolationDeps,
  semaphore: Semaphore = UNLIMITED,
): Semaphore {
  if (gate === undefined) return semaphore;
  return async (work) => {
    const [state] = await leases.read([key]);
    // Someone is at it: the lease will be refused, which needs no room.
    if (state?.held) return semaphore(work);
    const through = (state?.crashes ?? 0) >= ISOLATED_AFTER_CRASHES ? gate.alone : gate.beside;
    return through((releaseGate) =>
      semaphore((release) =>
        work(() => {
          release();
          releaseGate();
        }),
      ),
    );
  };
}
