import type { AttemptStore } from '../ports/attempts.ts';

/**
 * Delays a repair, so that the work has time to finish by itself. The first call starts a grace period and returns
 * false. Once the period is over, one caller gets true and a new period starts.
 */
export async function graceIsOver(attempts: AttemptStore, key: string, graceMs: number): Promise<boolean> {
  const round = await attempts.rest(key, graceMs);
  return round !== undefined && round > 1;
}
