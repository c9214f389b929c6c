import { setTimeout as pause } from 'node:timers/promises';
import type { QuerySnapshot } from '@google-cloud/firestore';
import { LRUCache } from 'lru-cache';
import { isReady, isSettled, type PinName, type PinOf } from '../../model/pins.ts';
import type { PinStore } from '../../ports.ts';
import { GRPC, grpcCode, throughGate } from '../shared/google-errors.ts';
import { type FirestoreConnection, pinsOf, retained } from './firestore.ts';
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

/** One listener on the pins of a task, shared by all callers in this process. */
interface Watch {
  waiting: number;
  /** Resolves at the next change, and rejects when the listener fails. */
  changed: PromiseWithResolvers<void>;
  stop: () => void;
}

/** Pins as documents, created once. A pin never changes, so each process reads it once. */
export function createFirestorePins({ firestore }: FirestorePinsOptions): PinStore {
  const kept = new LRUCache<string, Map<string, object>>({ max: TASKS_KEPT });
  const watches = new Map<string, Promise<Watch>>();

  const keep = (taskId: string, name: string, stored: Stored): void => {
    const pins = kept.get(taskId) ?? new Map<string, object>();
    pins.set(name, JSON.parse(stored.pin) as object);
    kept.set(taskId, pins);
  };

  const known = <N extends PinName>(taskId: string, names: readonly N[]) => {
    const pins = kept.get(taskId);
    return names.map((name) => pins?.get(name) as PinOf<N> | undefined);
  };

  const read = <N extends PinName>(taskId: string, names: readonly N[]) => {
    const found = known(taskId, names);
    const missing = names.filter((_, at) => found[at] === undefined);
    if (missing.length === 0) return Promise.resolve(found);
    return firestore.run(async ({ db }) => {
      const snapshots = await db.getAll(...missing.map((name) => pinsOf(db, taskId).doc(name)));
      const fresh = new Map(
        snapshots.filter(({ exists }) => exists).map((snapshot) => [snapshot.id, snapshot.data() as Stored]),
      );
      for (const [name, stored] of fresh) keep(taskId, name, stored);
      return names.map((name, at) => {
        const stored = fresh.get(name);
        return found[at] ?? (stored && (JSON.parse(stored.pin) as PinOf<N>));
      });
    });
  };

  const startWatch = (taskId: string): Promise<Watch> =>
    firestore.run(async (connected) => {
      const watch: Watch = { waiting: 0, changed: deferred(), stop: () => {} };
      const next = (snapshot: QuerySnapshot): void => {
        for (const { doc } of snapshot.docChanges()) keep(taskId, doc.id, doc.data() as Stored);
        const { changed } = watch;
        watch.changed = deferred();
        changed.resolve();
      };
      // The client reconnects by itself after temporary errors, so this one is final.
      watch.stop = allPins(connected, taskId).onSnapshot(next, (error) => {
        watches.delete(taskId);
        throughGate('Firestore', () => Promise.reject(error)).catch(watch.changed.reject);
      });
      return watch;
    });

  /** Runs `work` while a listener is active. The last caller to finish stops the listener. */
  const watching = async <T>(taskId: string, work: (watch: Watch) => Promise<T>): Promise<T> => {
    let starting = watches.get(taskId);
    if (starting === undefined) {
      starting = startWatch(taskId);
      watches.set(taskId, starting);
      starting.catch(() => watches.delete(taskId));
    }
    const watch = await starting;
    watch.waiting += 1;
    try {
      return await work(watch);
    } finally {
      watch.waiting -= 1;
      if (watch.waiting === 0) {
        if (watches.get(taskId) === starting) watches.delete(taskId);
        watch.stop();
      }
    }
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
          await ref.create({ ...stored, ...retained() });
          keep(taskId, name, stored);
        } catch (error) {
          if (grpcCode(error) !== GRPC.ALREADY_EXISTS) throw error;
        }
        const [pinned] = await read(taskId, [name]);
        if (pinned === undefined)
          throw new Error(`Expected pin ${name} of task ${taskId} after writing it, got none`);
        return pinned;
      }),

    async wait(taskId, names, { timeoutMs, signal }) {
      signal.throwIfAborted();
      const found = await read(taskId, names);
      if (isSettled(found)) return found;
      const over = new AbortController();
      const late = pause(timeoutMs, 'late' as const, { signal: AbortSignal.any([signal, over.signal]) });
      late.catch(() => {});
      try {
        return await watching(taskId, async (watch) => {
          for (;;) {
            // Read before the pins, or a change between the two would be missed.
            const { promise: changed } = watch.changed;
            const pins = known(taskId, names);
            if (isSettled(pins)) return pins;
            if ((await Promise.race([changed, late])) === 'late') return await read(taskId, names);
          }
        });
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        over.abort();
      }
    },
  };
}

/** Prevents an unhandled rejection if no caller is waiting. */
function deferred(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => {});
  return made;
}
