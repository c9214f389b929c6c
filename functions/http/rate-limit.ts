import { LRUCache } from 'lru-cache';

export interface RateLimit {
  /** Seconds that the caller has to wait for its next one, at least 1; 0: it has one, which is taken. */
  take(caller: string): number;
  /** The same, and nothing is taken. */
  wait(caller: string): number;
}

export interface RateLimitOptions {
  /** Also the most that comes at once, from a caller that was silent for a minute. */
  perMinute: number;
  /** Milliseconds that only go forward. */
  now?: () => number;
  /** How many are remembered; who has been silent for longest is forgotten first, and begins anew. */
  callers?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const MINUTE_MS = 60_000;
/** A megabyte or two. */
const CALLERS = 10_000;

/** Counts in this process only: a fleet lets through as many times that as it has instances. */
export function createRateLimit({
  perMinute,
  now = () => performance.now(),
  callers = CALLERS,
}: RateLimitOptions): RateLimit {
  const buckets = new LRUCache<string, Bucket>({ max: callers });
  const filled = (caller: string): Bucket => {
    const at = now();
    const bucket = buckets.get(caller);
    if (bucket === undefined) return { tokens: perMinute, at };
    const tokens = Math.min(perMinute, bucket.tokens + ((at - bucket.at) * perMinute) / MINUTE_MS);
    return { tokens, at };
  };
  const waitFor = ({ tokens }: Bucket) =>
    tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) * MINUTE_MS) / perMinute / 1_000));
  return {
    take(caller) {
      const bucket = filled(caller);
      const wait = waitFor(bucket);
      buckets.set(caller, wait > 0 ? bucket : { ...bucket, tokens: bucket.tokens - 1 });
      return wait;
    },
    wait: (caller) => waitFor(filled(caller)),
  };
}
