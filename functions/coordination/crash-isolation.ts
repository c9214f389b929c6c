import type { AttemptStore, LeaseStore } from '../ports.ts';
import type { ExclusiveGate } from './exclusive-gate.ts';
import { type Semaphore, UNLIMITED } from './fair-semaphore.ts';

export interface CrashIsolationDeps {
  leases: LeaseStore;
  attempts: AttemptStore;
  /** Absent where the queue itself runs such work alone. */
  gate?: ExclusiveGate;
}

/** Crashes that are counted before the work runs alone: the one that is taken over just now is not among them yet. */
const ISOLATED_AFTER_CRASHES = 1;

/**
 * Room for the work under that lease. Work that may have ended processes gets it alone, and before it takes the lease, so
 * that what only waits beside it is not blamed for the next crash.
 */
export function isolateAfterCrash(
  key: string,
  { leases, attempts, gate }: CrashIsolationDeps,
  semaphore: Semaphore = UNLIMITED,
): Semaphore {
  if (gate === undefined) return semaphore;
  return async (work) => {
    const [state = 'none'] = await leases.read([key]);
    // The lease will be refused, which needs no room.
    if (state === 'held') return semaphore(work);
    // Without a lease there are no attempts to be asked for.
    const crashes = state === 'none' ? 0 : ((await attempts.read([key]))[0]?.crashes ?? 0);
    const through = crashes >= ISOLATED_AFTER_CRASHES ? gate.alone : gate.beside;
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
