/** Keeps receivers that hang or fail from taking the places of others at which events are sent. */
import { LRUCache } from 'lru-cache';
import { TransientError } from '../base/errors.ts';

export interface ReceiverPlaces {
  /**
   * How long an event waits for a receiver that rests after failures, in milliseconds: until the end of the rest, one event
   * after the other. 0: it does not rest, or nobody tries yet whether it is back.
   */
  restMs(receiver: string): number;
  /** Whether it rests now. If not, and restMs is not 0, an event is just trying whether it is back. */
  isResting(receiver: string): boolean;
  /**
   * A place at that receiver, until it is disposed of. Throws TransientError 'waiting', which says when to come again, if
   * all are taken.
   */
  take(receiver: string): Place;
}

export interface Place extends Disposable {
  /** How the delivery ended: whether the server answered as one that works, whatever it thinks of the event. */
  ended(isWell: boolean): void;
}

/** Events that are sent at a time. */
export const ALL_PLACES = 64;
const OWN_PLACES = 8;
/** Receivers that have a delivery open leave so many to others: one server may have many names. */
const KEPT_FREE = 0.25;
/** Those that are turned away come again one after the other. */
const STEP_MS = 50;
/** After one failure. It doubles with each further one in a row. */
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 600_000;
const RECEIVERS_KEPT = 1_000;

interface Known {
  /** In a row. */
  failures: number;
  /** When its rest ends. */
  restUntil: number;
  /** When the last one that was turned away comes again. */
  lastTurn: number;
}

export interface ReceiverPlacesOptions {
  /** Of each receiver. */
  own?: number;
  all?: number;
  now?: () => number;
}

/** Of one process. */
export function createReceiverPlaces({
  own = OWN_PLACES,
  all = ALL_PLACES,
  now = Date.now,
}: ReceiverPlacesOptions = {}): ReceiverPlaces {
  const taken = new Map<string, number>();
  const known = new LRUCache<string, Known>({ max: RECEIVERS_KEPT });
  let allTaken = 0;
  const takenAt = (receiver: string) => taken.get(receiver) ?? 0;
  const kept = (receiver: string): Known => {
    const it = known.get(receiver) ?? { failures: 0, restUntil: 0, lastTurn: 0 };
    known.set(receiver, it);
    return it;
  };
  const nextTurnIn = (receiver: string): number => {
    const it = kept(receiver);
    const from = Math.max(now(), it.restUntil);
    it.lastTurn = Math.min(Math.max(it.lastTurn, from) + STEP_MS, from + LONGEST_REST_MS);
    return it.lastTurn - now();
  };
  const change = (receiver: string, by: 1 | -1): void => {
    allTaken += by;
    const count = takenAt(receiver) + by;
    if (count === 0) taken.delete(receiver);
    else taken.set(receiver, count);
  };

  return {
    restMs(receiver) {
      const { failures = 0, restUntil = 0 } = known.get(receiver) ?? {};
      const mayTry = failures === 0 || (now() >= restUntil && takenAt(receiver) === 0);
      return mayTry ? 0 : nextTurnIn(receiver);
    },

    isResting: (receiver) => now() < (known.get(receiver)?.restUntil ?? 0),

    take(receiver) {
      const count = takenAt(receiver);
      if (count >= own || (count > 0 && allTaken >= all * (1 - KEPT_FREE))) {
        throw new TransientError('waiting', `${count} events are being sent to ${receiver}.`, {
          retryAfterMs: nextTurnIn(receiver),
        });
      }
      change(receiver, 1);
      return {
        ended(isWell) {
          if (isWell) {
            known.delete(receiver);
            return;
          }
          const it = kept(receiver);
          // Those that were under way when the rest began failed together with the first.
          if (now() < it.restUntil) return;
          it.failures += 1;
          it.restUntil = now() + Math.min(FIRST_REST_MS * 2 ** (it.failures - 1), LONGEST_REST_MS);
        },
        [Symbol.dispose]: () => change(receiver, -1),
      };
    },
  };
}
