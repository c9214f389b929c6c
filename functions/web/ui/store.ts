/** A value that components can follow: the state of the page that outlives one component. */
import { useEffect, useState } from 'preact/hooks';

export interface Store<T> {
  get(): T;
  /** Followers hear of it unless it is the same value. */
  set(next: T | ((value: T) => T)): void;
  /** Resolves the following when called. */
  follow(heard: (value: T) => void): () => void;
}

export function createStore<T>(first: T): Store<T> {
  let value = first;
  const followers = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      const changed = typeof next === 'function' ? (next as (value: T) => T)(value) : next;
      if (Object.is(changed, value)) return;
      value = changed;
      for (const heard of [...followers]) heard(value);
    },
    follow(heard) {
      followers.add(heard);
      return () => followers.delete(heard);
    },
  };
}

/** What `part` finds in the store; the component is drawn again when that changes. */
export function useStore<T, P = T>(
  store: Store<T>,
  part: (value: T) => P = (value) => value as unknown as P,
): P {
  const [seen, see] = useState(() => part(store.get()));
  useEffect(() => {
    const look = () => see(() => part(store.get()));
    look();
    return store.follow(look);
  }, [store]);
  return seen;
}
