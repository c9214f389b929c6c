import { setTimeout as pause } from 'node:timers/promises';
import type { QuerySnapshot } from '@google-cloud/firestore';
import { LRUCache } from 'lru-cache';
import { TransientError } from '../../base/errors.ts';
import { isReady, isSettled, type PinName, type PinOf } from '../../model/pins.ts';
import type { PinStore } from '../../ports.ts';
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

/** One listener on the pins of a task, shared by all callers in this process. */
interface Watch {
  /** Counted from the moment a caller joins, so that the listener does not end before its last caller. */
  waiting: number;
  /** What the listener has told. Kept here, because more tasks than TASKS_KEPT may be waited for. */
  pins: Pins;
  /** Resolves at the next change, and rejects when the listener fails. */
  changed: PromiseWithResolvers<void>;
  stop: () => void;
}

/** Pins as documents, created once. A pin never changes, so each process reads it once. */
export function createFirestorePins({ firestore }: FirestorePinsOptions): PinStore {
  const kept = new LRUCache<string, Pins>({ max: TASKS_KEPT });
  const watches = new Map<string, Watch>();

  const keep = (taskId: string, name: string, stored: Stored): object => {
    const pins = kept.get(taskId) ?? new Map<string, object>();
    const pin = JSON.parse(stored.pin) as object;
    pins.set(name, pin);
    kept.set(taskId, pins);
    return pin;
  };

  const known = <N extends PinName>(taskId: string, names: readonly N[], told?: Pins) => {
    const pins = kept.get(taskId);
    return names.map((name) => (told?.get(name) ?? pins?.get(name)) as PinOf<N> | undefined);
  };

  const read = <N extends PinName>(taskId: string, names: readonly N[], told?: Pins) => {
    const found = known(taskId, names, told);
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

  const join = (taskId: string): Watch => {
    const running = watches.get(taskId);
    const watch = running ?? { waiting: 0, pins: new Map(), changed: deferred(), stop: () => {} };
    watch.waiting += 1;
    if (running === undefined) {
      watches.set(taskId, watch);
      void listen(taskId, watch);
    }
    return watch;
  };

  const leave = (taskId: string, watch: Watch): void => {
    watch.waiting -= 1;
    if (watch.waiting > 0) return;
    forget(taskId, watch);
    watch.stop();
  };

  /** The next caller gets a watch of its own. */
  const forget = (taskId: string, watch: Watch): void => {
    if (watches.get(taskId) === watch) watches.delete(taskId);
  };

  const listen = async (taskId: string, watch: Watch): Promise<void> => {
    const next = (snapshot: QuerySnapshot): void => {
      for (const { doc, type } of snapshot.docChanges()) {
        if (type !== 'removed') watch.pins.set(doc.id, keep(taskId, doc.id, doc.data() as Stored));
      }
      const { changed } = watch;
      watch.changed = deferred();
      changed.resolve();
    };
    // The client reconnects by itself after temporary errors, so this one is final.
    const failed = (error: unknown): void => {
      forget(taskId, watch);
      watch.changed.reject(noNews(error));
    };
    try {
      const stop = await firestore.listen((store) => allPins(store, taskId), next, failed);
      if (watch.waiting === 0) stop();
      else watch.stop = stop;
    } catch (error) {
      failed(error);
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

    async wait(taskId, names, { timeoutMs, signal }) {
      signal.throwIfAborted();
      const found = await read(taskId, names);
      if (isSettled(found)) return found;
      const over = new AbortController();
      const late = pause(timeoutMs, 'late' as const, { signal: AbortSignal.any([signal, over.signal]) });
      late.catch(() => {});
      // Its first answer has all pins, also those that were written since the read above.
      const watch = join(taskId);
      try {
        for (;;) {
          // Read before the pins, or a change between the two would be missed.
          const { promise: changed } = watch.changed;
          const pins = known(taskId, names, watch.pins);
          if (isSettled(pins)) return pins;
          if ((await Promise.race([changed, late])) === 'late') return await read(taskId, names, watch.pins);
        }
      } catch (error) {
        signal.throwIfAborted();
        throw error;
      } finally {
        over.abort();
        leave(taskId, watch);
      }
    },
  };
}

/** Transient whatever the reason: the next wait begins with a read, which tells what is wrong. */
function noNews(cause: unknown): TransientError {
  const got = cause instanceof Error ? cause.message : String(cause);
  return new TransientError('platform_unavailable', `Expected news of pins from Firestore, got: ${got}`, {
    cause,
  });
}

/** Prevents an unhandled rejection if no caller is waiting. */
function deferred(): PromiseWithResolvers<void> {
  const made = Promise.withResolvers<void>();
  made.promise.catch(() => {});
  return made;
}
