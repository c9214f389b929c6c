/** How many events are sent to one receiver at a time, so that one that hangs does not take the places of others. */
import { TransientError } from '../base/errors.ts';

export interface ReceiverPlaces {
  /**
   * A place at that receiver, until it is disposed of. Throws TransientError 'waiting', which says when to come again, if
   * all are taken.
   */
  take(receiver: string): Disposable;
}

const PLACES = 8;
/** For each one that was turned away since the receiver last had nobody waiting: so many come again one after the other. */
const STEP_MS = 250;
/** About as long as one delivery may take. */
const LONGEST_MS = 15_000;

/** Of one process. */
export function createReceiverPlaces(places: number = PLACES): ReceiverPlaces {
  const busy = new Map<string, { taken: number; refused: number }>();
  return {
    take(receiver) {
      const own = busy.get(receiver) ?? { taken: 0, refused: 0 };
      if (own.taken >= places) {
        own.refused += 1;
        throw new TransientError('waiting', `${places} events are being sent to ${receiver}.`, {
          retryAfterMs: Math.min(own.refused * STEP_MS, LONGEST_MS),
        });
      }
      own.taken += 1;
      busy.set(receiver, own);
      return {
        [Symbol.dispose]() {
          own.taken -= 1;
          if (own.taken === 0) busy.delete(receiver);
        },
      };
    },
  };
}
