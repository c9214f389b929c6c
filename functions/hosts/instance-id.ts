import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { closeDataDir } from './data-folders.ts';
import { keepSecret } from './kept-secret.ts';

const INSTANCE_ID = 'instance.id';
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/**
 * Tells processes apart in metrics. That of a host stays in DATA_DIR, wherever that is moved, so that its counts continue after
 * a start; a back-up leaves it out, because what is restored from it counts for itself. Functions have no folder to themselves.
 */
export async function instanceId(
  config: Pick<Config, 'dataDir'>,
  { isHost }: { isHost: boolean },
): Promise<string> {
  const id = randomUUID();
  if (!isHost) return id;
  const file = join(config.dataDir, INSTANCE_ID);
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (UUID.test(kept)) return kept;
  try {
    await closeDataDir(config);
    await keepSecret(file, id);
  } catch {
    // What is wrong with the folder, the host says itself, and what to do.
  }
  return id;
}
