import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { SecretError } from '../../functions/adapters/webhook/sender.ts';
import { isWebhookSecret } from '../../functions/config/key-settings.ts';
import { webhookSecret } from '../../functions/hosts/webhook-secret.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const secretFor = (dataDir: string, more = {}) =>
  webhookSecret({ dataDir, webhookSecret: undefined, inCloud: false, ...more });

describe('the secret that signs events', () => {
  it('is made in DATA_DIR at the first event, kept, and readable by its user only', async () => {
    await using dir = await tempDir();
    const secret = secretFor(dir.path);
    assert.deepEqual(await readdir(dir.path), []);
    const [one, two] = await Promise.all([secret(), secret()]);
    assert.ok(isWebhookSecret(one));
    assert.deepEqual([two, await secretFor(dir.path)()], [one, one]);
    const file = join(dir.path, 'webhook.secret');
    assert.equal(await readFile(file, 'utf8'), one);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  it('is the setting where there is one, and no file is made', async () => {
    await using dir = await tempDir();
    assert.equal(await secretFor(dir.path, { webhookSecret: 'whsec_x' })(), 'whsec_x');
    assert.deepEqual(await readdir(dir.path), []);
  });

  it('that was not written whole is made again, and a damaged one is named but not shown', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'webhook.secret');
    await writeFile(file, '');
    assert.ok(isWebhookSecret(await secretFor(dir.path)()));
    await writeFile(file, 'whsec_dGhl');
    await assert.rejects(
      secretFor(dir.path)(),
      (error: Error) => error instanceof SecretError && /got 10 characters of another/.test(error.message),
    );
  });

  it('is missed by a delivery in the cloud, which says what to do', async () => {
    await using dir = await tempDir();
    await assert.rejects(secretFor(dir.path, { inCloud: true })(), /Expected WEBHOOK_SECRET.*setup\.sh/);
  });

  it('has 24-64 bytes in base64, as Standard Webhooks demands', () => {
    const of = (bytes: number) => `whsec_${Buffer.alloc(bytes, 250).toString('base64')}`;
    const good = [24, 25, 26, 32, 64].map((bytes) => isWebhookSecret(of(bytes)));
    assert.deepEqual(good, [true, true, true, true, true]);
    const bad = [of(23), of(65), of(32).slice(6), of(32).replaceAll('+', '-'), `${of(32)}=`, 'whsec_'];
    assert.deepEqual(
      bad.map(isWebhookSecret),
      bad.map(() => false),
    );
  });
});
