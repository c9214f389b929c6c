/** Limits requests per caller and minute. */
import { LRUCache } from 'lru-cache';

export interface RateLimit {
  /** Takes one request and returns 0. If none is left, returns the seconds to wait, at least 1. */
  take(caller: string): number;
}

export interface RateLimitOptions {
  /** Also the largest burst, after a minute without requests. */
  perMinute: number;
  /** A monotonic clock in milliseconds. */
  now?: () => number;
  /** How many callers are remembered. The one silent for longest is forgotten first. */
  callers?: number;
}

interface Bucket {
  tokens: number;
  at: number;
}

const MINUTE_MS = 60_000;
/** Takes one to two megabytes. */
const CALLERS = 10_000;

/** Counts in this process only: a fleet allows this limit once per instance. */
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
  };
}
