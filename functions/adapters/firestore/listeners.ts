import { setTimeout as pause } from 'node:timers/promises';
import type { Query, QuerySnapshot } from '@google-cloud/firestore';

/** How long the end of a connection, or of a listener, waits for answers. */
const OPENING_MS = 5_000;

interface Listener {
  /** Resolves with the first answer, be it an error. */
  opened: Promise<void>;
  end: () => void;
}

/**
 * The listeners of one client. If the client is terminated while it sets up a listener, it leaves a rejection unhandled,
 * which ends the process, even if the listener was stopped before. So listeners end after their first answer.
 */
export class Listeners {
  readonly #all = new Set<Listener>();

  /** Returns a function that stops the listener: nothing is called after that. */
  start(query: Query, next: (snapshot: QuerySnapshot) => void, failed: (error: Error) => void): () => void {
    const { promise: opened, resolve: answered } = Promise.withResolvers<void>();
    let isOn = true;
    let isAnswered = false;
    const answer = () => {
      isAnswered = true;
      answered();
    };
    const unsubscribe = query.onSnapshot(
      (snapshot) => {
        answer();
        if (isOn) next(snapshot);
      },
      (error) => {
        answer();
        this.#all.delete(listener);
        if (isOn) failed(error);
      },
    );
    const listener: Listener = {
      opened,
      end: () => {
        unsubscribe();
        this.#all.delete(listener);
      },
    };
    this.#all.add(listener);
    return () => {
      isOn = false;
      if (isAnswered) listener.end();
      else void soon([opened]).then(listener.end);
    };
  }

  /** Ends all listeners. Call it before the client is terminated. */
  async close(): Promise<void> {
    await soon([...this.#all].map(({ opened }) => opened));
    for (const { end } of [...this.#all]) end();
  }
}

/** Resolves once all of them are settled, but soon. */
export async function soon(all: readonly Promise<unknown>[]): Promise<void> {
  const over = new AbortController();
  const late = pause(OPENING_MS, undefined, { signal: over.signal, ref: false }).catch(() => {});
  await Promise.race([Promise.allSettled(all), late]);
  over.abort();
}
