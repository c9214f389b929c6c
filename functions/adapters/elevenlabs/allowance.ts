/** What an answer says about the account's concurrent requests. */
export interface Heard {
  /** The headers `maximum-concurrent-requests` and `current-concurrent-requests`; null if the answer has none. */
  maximum: string | null;
  current: string | null;
  /** The request was refused because there were too many. */
  tooMany: boolean;
}

export interface Allowance {
  /** How many concurrent requests all our processes together may have, at least 1. */
  atOnce(): number;
  hear(answer: Heard): void;
}

/** The smallest plan: https://elevenlabs.io/docs/overview/models#concurrency-and-priority */
const SMALLEST_PLAN = 2;

/**
 * Estimates from the answers how many concurrent requests the account allows us.
 *
 * The answers count the requests of the whole account: of this process, of our other processes, and of others who have
 * a key. Our processes together have at most as many as were allowed when they were sent, so only requests beyond that
 * number certainly belong to others. More requests of others only show as refusals: each refusal lowers the estimate by
 * one, each success raises it by one.
 */
export function createAllowance(): Allowance {
  let maximum = SMALLEST_PLAN;
  let usedByOthers = 0;
  const atOnce = (): number => Math.max(1, maximum - usedByOthers);

  return {
    atOnce,
    hear(answer) {
      const ours = atOnce();
      maximum = count(answer.maximum) ?? maximum;
      const certain = Math.min(maximum, count(answer.current) ?? 0) - ours;
      const guessed = usedByOthers + (answer.tooMany ? 1 : -1);
      usedByOthers = Math.min(Math.max(0, certain, guessed), maximum - 1);
    },
  };
}

function count(header: string | null): number | undefined {
  return header !== null && /^[1-9]\d{0,5}$/.test(header.trim()) ? Number(header) : undefined;
}
