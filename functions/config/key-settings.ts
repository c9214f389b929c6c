/** Keys of this service itself, which only some of the functions may have. */
import type { SettingsReader } from './settings-reader.ts';
import type { VendorOptions } from './vendor-settings.ts';

/** `prepare` opens files of strangers. Whoever takes it over must not find the key that seals tasks. */
export function readSigningKey(read: SettingsReader, { shared, target }: VendorOptions): string | undefined {
  const key = read.optional('SIGNING_KEY', (value) => value.length >= 32);
  if (target === 'prepare') {
    if (key !== undefined)
      read.problem('SIGNING_KEY: expected no key in the function prepare, got one. Remove it.');
  } else if (shared && key === undefined && !read.failed('SIGNING_KEY')) {
    read.problem(
      'SIGNING_KEY: expected the key that seals tasks, got nothing. Run infra/cloud/setup.sh, which makes it, and deploy again.',
    );
  }
  return key;
}

/** Of Standard Webhooks. Its package takes other keys as well, also short ones. */
export function isWebhookSecret(value: string): boolean {
  const base64 = /^whsec_((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(value)?.[1];
  const { length } = Buffer.from(base64 ?? '', 'base64');
  return length >= 24 && length <= 64;
}

/** With it, others could send events in the name of this service: only the function that sends them has it. */
export function readWebhookSecret(
  read: SettingsReader,
  { shared, target }: VendorOptions,
): string | undefined {
  const secret = read.optional('WEBHOOK_SECRET', isWebhookSecret);
  if (target !== undefined && target !== 'webhook') {
    if (secret !== undefined)
      read.problem(`WEBHOOK_SECRET: expected no secret in the function ${target}, got one. Remove it.`);
  } else if (shared && target === 'webhook' && secret === undefined && !read.failed('WEBHOOK_SECRET')) {
    read.problem(
      'WEBHOOK_SECRET: expected the key that signs events, got nothing. Run infra/cloud/setup.sh, which makes it, and deploy again.',
    );
  }
  return secret;
}
