import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';

/**
 * Tells processes apart in metrics. That of a host is the same after each start, so that its counts continue: only one host at
 * a time uses a folder.
 */
export function instanceId({ inCloud, dataDir }: Pick<Config, 'inCloud' | 'dataDir'>): string {
  if (inCloud) return randomUUID();
  const where = JSON.stringify([hostname(), dataDir]);
  return createHash('sha256').update(where).digest('hex').slice(0, 32);
}
