import type { Gate } from './exclusive-gate.ts';
import type { LeaseStore } from '../ports.ts';
import { NO_LIMIT, type Slots } from './fair-semaphore.ts';

export interface SuspectDeps {
  leases: LeaseStore;
  /** Absent where the queue sees to it that suspects are alone. */
  gate?: Gate;
}

/** Of a lease that nobody holds: it was taken over from a dead holder so often, and mostly that one is dead by now, too. */
const SUSPECT_CRASHES = 1;

/**
 * Room for the work under that lease. What may have ended processes takes it alone, and before it holds the lease, so
 * that whoever waits beside it is not to blame for the next death.
 */
export function aloneWhereSuspect(
  key: string,
  { leases, gate }: SuspectDeps,
  slots: Slots = NO_LIMIT,
): Slots {
  if (gate === undefined) return slots;
  return async (work) => {
    const [state] = await leases.read([key]);
    // Someone is at it: the lease will be refused, which needs no room.
    if (state?.held) return slots(work);
    const through = (state?.crashes ?? 0) >= SUSPECT_CRASHES ? gate.alone : gate.beside;
    return through((leaveGate) =>
      slots((leave) =>
        work(() => {
          leave();
          leaveGate();
        }),
      ),
    );
  };
}
