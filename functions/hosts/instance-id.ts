import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

/**
 * Tells processes apart in metrics. That of a host is the same after each start, so that its counts continue: only one host at
 * a time uses a folder. Functions have none to themselves.
 */
export function instanceId({ isHost, dataDir }: { isHost: boolean; dataDir: string }): string {
  if (!isHost) return randomUUID();
  const where = JSON.stringify([hostname(), dataDir]);
  return createHash('sha256').update(where).digest('hex').slice(0, 32);
}
