import { LRUCache } from 'lru-cache';
import { isReady, type PinName, type PinOf } from '../../model/pins.ts';
import type { PinStore } from '../../ports/pins.ts';
import { GRPC, grpcCode } from '../shared/google-errors.ts';
import { type FirestoreConnection, pinsOf } from './firestore.ts';
import { allPins, readyPins } from './queries.ts';

export interface FirestorePinsOptions {
  firestore: FirestoreConnection;
}

const TASKS_KEPT = 32;

/** A pin as stored in its document: JSON, because Firestore does not need its fields. */
interface Stored {
  pin: string;
  /** For counting, which cannot look into the JSON. */
  ready: boolean;
}

/** By name. */
type Pins = Map<string, object>;

/** Pins as documents, created once. A pin never changes, so each process reads it once. */
export function createFirestorePins({ firestore }: FirestorePinsOptions): PinStore {
  const kept = new LRUCache<string, Pins>({ max: TASKS_KEPT });

  const keep = (taskId: string, name: string, stored: Stored): object => {
    const pins = kept.get(taskId) ?? new Map<string, object>();
    const pin = JSON.parse(stored.pin) as object;
    pins.set(name, pin);
    kept.set(taskId, pins);
    return pin;
  };

  const read = <N extends PinName>(taskId: string, names: readonly N[]) => {
    const pins = kept.get(taskId);
    const found = names.map((name) => pins?.get(name) as PinOf<N> | undefined);
    const missing = names.filter((_, at) => found[at] === undefined);
    if (missing.length === 0) return Promise.resolve(found);
    return firestore.run(async ({ db }) => {
      const snapshots = await db.getAll(...missing.map((name) => pinsOf(db, taskId).doc(name)));
      const fresh = new Map(
        snapshots
          .filter(({ exists }) => exists)
          .map((snapshot) => [snapshot.id, keep(taskId, snapshot.id, snapshot.data() as Stored)]),
      );
      return names.map((name, at) => found[at] ?? (fresh.get(name) as PinOf<N> | undefined));
    });
  };

  return {
    read,

    count: (taskId) =>
      firestore.run(async (connected) => {
        // Each costs one read for a thousand pins.
        const [all, ready] = await Promise.all(
          [allPins(connected, taskId), readyPins(connected, taskId)].map((query) => query.count().get()),
        );
        return { all: all?.data().count ?? 0, ready: ready?.data().count ?? 0 };
      }),

    write: <N extends PinName>(taskId: string, name: N, pin: PinOf<N>) =>
      firestore.run(async ({ db }) => {
        const ref = pinsOf(db, taskId).doc(name);
        const stored: Stored = { pin: JSON.stringify(pin), ready: isReady(name, pin) };
        try {
          await ref.create({ ...stored, ...firestore.retained() });
          keep(taskId, name, stored);
        } catch (error) {
          if (grpcCode(error) !== GRPC.ALREADY_EXISTS) throw error;
        }
        const [pinned] = await read(taskId, [name]);
        if (pinned === undefined)
          throw new Error(`Expected pin ${name} of task ${taskId} after writing it, got none`);
        return pinned;
      }),
  };
}
