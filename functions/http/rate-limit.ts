/** Limits requests per caller and minute. */
import { LRUCache } from 'lru-cache';

export interface RateLimit {
  /** Takes one request, if one is left. */
  take(caller: string): Quota;
}

export interface Quota {
  /** 0 if the request was granted; otherwise the seconds until one would be, at least 1. */
  waitSeconds: number;
  /** Requests that would be granted at once from now on. */
  left: number;
  /** Until there is one more, at least 1. */
  moreInSeconds: number;
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
  return {
    take(caller) {
      const { tokens: found, at } = filled(caller);
      const isGranted = found >= 1;
      const tokens = isGranted ? found - 1 : found;
      buckets.set(caller, { tokens, at });
      const left = Math.floor(tokens);
      const moreInMs = ((left + 1 - tokens) * MINUTE_MS) / perMinute;
      const moreInSeconds = Math.max(1, Math.ceil(moreInMs / 1_000));
      return { waitSeconds: isGranted ? 0 : moreInSeconds, left, moreInSeconds };
    },
  };
}

/** The fields RateLimit and RateLimit-Policy: https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ */
export function rateLimitHeaders(perMinute: number, { left, moreInSeconds }: Quota): Record<string, string> {
  return {
    'ratelimit-policy': `"default";q=${perMinute};w=${MINUTE_MS / 1_000}`,
    ratelimit: `"default";r=${left};t=${moreInSeconds}`,
  };
}
