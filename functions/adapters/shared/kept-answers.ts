/** Answers that many callers ask for. */
import { LRUCache } from 'lru-cache';
import { unlessAborted } from '../../base/time-limit.ts';

export interface KeptAnswers<T> {
  /** What is kept, or what `ask` finds. Callers of one key at a time share it, and each may leave when its signal fires. */
  of(key: string, signal: AbortSignal, ask: () => Promise<T>): Promise<T>;
}

export interface KeepOptions<T> {
  /** Milliseconds. */
  keepMs: number;
  /** Most answers. */
  most: number;
  /** Most bytes of all of them, and those of one. */
  bytes?: { most: number; of: (answer: T & object) => number };
}

/** Errors, and undefined, are not kept. */
export function keepAnswers<T extends object | undefined>({
  keepMs,
  most,
  bytes,
}: KeepOptions<T>): KeptAnswers<T> {
  const sizes = bytes && { maxSize: bytes.most, sizeCalculation: bytes.of };
  const kept = new LRUCache<string, T & object>({ max: most, ttl: keepMs, ...sizes });
  const asked = new Map<string, Promise<T>>();

  const begin = (key: string, ask: () => Promise<T>): Promise<T> => {
    const answer = ask()
      .then((found) => {
        if (found !== undefined) kept.set(key, found);
        return found;
      })
      .finally(() => asked.delete(key));
    asked.set(key, answer);
    return answer;
  };

  return {
    async of(key, signal, ask) {
      signal.throwIfAborted();
      return kept.get(key) ?? (await unlessAborted(signal, asked.get(key) ?? begin(key, ask)));
    },
  };
}
