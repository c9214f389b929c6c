import type { LeaseState } from '../model/lease-state.ts';
import type { AttemptStore } from '../ports/attempts.ts';
import type { ExclusiveGate } from './exclusive-gate.ts';
import { type Semaphore, UNLIMITED } from './semaphore.ts';

export interface CrashIsolationDeps {
  attempts: AttemptStore;
  /** Absent if the queue itself isolates work that has crashed. */
  gate?: ExclusiveGate;
}

/** Recorded crashes from which work runs alone. The latest crash is recorded only when its lease is taken over. */
const ISOLATED_AFTER_CRASHES = 1;

/**
 * A semaphore for work whose lease, of that key, was in that state. Work that has crashed before runs alone. It enters the
 * gate before it takes the lease, so that work that is still waiting holds no lease and is not blamed for the next crash.
 */
export function isolateAfterCrash(
  key: string,
  lease: LeaseState,
  { attempts, gate }: CrashIsolationDeps,
  semaphore: Semaphore = UNLIMITED,
): Semaphore {
  if (gate === undefined) return semaphore;
  return async (work) => {
    // Attempts are not remembered longer than leases: no lease means none, which saves a read.
    const crashes = lease === 'none' ? 0 : ((await attempts.read([key]))[0]?.crashes ?? 0);
    const enter = crashes >= ISOLATED_AFTER_CRASHES ? gate.alone : gate.beside;
    return enter((releaseGate) =>
      semaphore((release) =>
        work(() => {
          release();
          releaseGate();
        }),
      ),
    );
  };
}
