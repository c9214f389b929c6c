import type { AttemptStore } from '../ports.ts';

/**
 * For what is repaired only after it had time to end by itself. The first call begins a period of grace and answers false;
 * once it is over, one caller gets true, and a new period begins.
 */
export async function graceIsOver(attempts: AttemptStore, key: string, graceMs: number): Promise<boolean> {
  const round = await attempts.rest(key, graceMs);
  return round !== undefined && round > 1;
}
