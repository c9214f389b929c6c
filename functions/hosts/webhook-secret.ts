/** The secret that signs events: the setting or, on one machine, one that is made in DATA_DIR. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../adapters/shared/files.ts';
import { SecretError } from '../adapters/webhook/sender.ts';
import type { Config } from '../config/config.ts';
import { isWebhookSecret } from '../config/key-settings.ts';
import { keepSecret } from './kept-secret.ts';

export const WEBHOOK_SECRET = 'webhook.secret';
const BYTES = 32;

/** Read once, at the first event. A secret that could not be read is looked for again at the next one. */
export function webhookSecret(
  config: Pick<Config, 'webhookSecret' | 'dataDir' | 'inCloud'>,
): () => Promise<string> {
  const { webhookSecret: setting, dataDir, inCloud } = config;
  let kept: Promise<string> | undefined;
  return async () => {
    if (setting !== undefined) return setting;
    if (inCloud) {
      throw new SecretError(
        'Expected WEBHOOK_SECRET, which signs events, got nothing. Next step: run infra/cloud/setup.sh and deploy again.',
      );
    }
    kept ??= secretIn(dataDir).catch((error: unknown) => {
      kept = undefined;
      throw error instanceof SecretError ? error : unusable(join(dataDir, WEBHOOK_SECRET), error);
    });
    return kept;
  };
}

/** Made at the first event and kept: receivers know it. */
async function secretIn(dataDir: string): Promise<string> {
  const file = join(dataDir, WEBHOOK_SECRET);
  try {
    const secret = (await readFile(file, 'utf8')).trimEnd();
    if (isWebhookSecret(secret)) return secret;
    // A power cut can leave an empty file, and nothing is signed with an empty secret.
    if (secret !== '') {
      throw new SecretError(
        `Expected whsec_ and 24-64 bytes in base64 in ${file}, got ${secret.length} characters of another form. ` +
          'Next step: restore it, or remove it and give the new one to all receivers.',
      );
    }
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
  const secret = `whsec_${randomBytes(BYTES).toString('base64')}`;
  await keepSecret(file, secret);
  return secret;
}

function unusable(file: string, error: unknown): SecretError {
  const got = systemCode(error) ?? (error instanceof Error ? error.message : String(error));
  const expected = `Expected to read the key that signs events in ${file}, or to make it, got ${got}.`;
  return new SecretError(`${expected} Next step: let the service read and write DATA_DIR.`, { cause: error });
}
