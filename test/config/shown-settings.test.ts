import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../functions/config/config.ts';
import { SETTINGS } from '../../functions/config/settings.ts';
import { startTestApi } from '../fixtures/http/api.ts';

const CLOUD = {
  K_SERVICE: 'every-cut-process-media',
  FUNCTION_TARGET: 'processMedia',
  OUTPUT: 'gcs',
  OUTPUT_BUCKET: 'videos',
  CACHE_BUCKET: 'cache',
  SPEECH: 'elevenlabs',
  SIGNING_KEY: 's'.repeat(32),
};

const shown = (env: Record<string, string>, name: string) =>
  loadConfig(env).shown.find((setting) => setting.name === name);

describe('the settings that people may see', () => {
  test('are all of them, in the order of the documents', () => {
    assert.deepEqual(
      loadConfig({}).shown.map(({ name }) => name),
      SETTINGS.map(({ name }) => name),
    );
  });

  test('say what is set, and what holds otherwise', () => {
    const { about } = SETTINGS[0] as { about: string };
    const port = { name: 'PORT', default: '8080', about, isSecret: false };
    assert.deepEqual(shown({ PORT: '0' }, 'PORT'), { ...port, value: '0', isSet: true });
    for (const env of [{}, { PORT: '' }])
      assert.deepEqual(shown(env, 'PORT'), { ...port, value: null, isSet: false });
  });

  test('hold no secret, and no address with a password or a query', () => {
    const secrets = SETTINGS.filter(({ secret }) => secret).map(({ name }) => name);
    assert.ok(secrets.length >= 7);
    const key = 'hunter2hunter2hunter2hunter2hunter2';
    const env = {
      ...Object.fromEntries(secrets.map((name) => [name, key])),
      WEBHOOK_SECRET: `whsec_${Buffer.from(key).toString('base64')}`,
      OTEL_EXPORTER_OTLP_HEADERS: `api-key=${key}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:4318/${key}`,
      PUSH_ACCOUNT: 'pusher@project.iam.gserviceaccount.com',
      PUSH_AUDIENCE: `https://user:${key}@stage.example`,
      DRIVE_FOLDER_ID: `https://drive.google.com/drive/folders/1234567890abcdef?resourcekey=${key}`,
      DRIVE_AUTH: 'oauth',
      DRIVE_CLIENT_ID: 'client',
      OUTPUT: 'drive',
    };
    const settings = loadConfig(env).shown;
    assert.doesNotMatch(JSON.stringify(settings), /hunter2|aHVudGVyMg/);
    for (const name of secrets) {
      const { isSecret, isSet, value } = shown(env, name) ?? {};
      assert.deepEqual({ isSecret, isSet, value }, { isSecret: true, isSet: true, value: null }, name);
    }
    assert.equal(shown(env, 'OTEL_EXPORTER_OTLP_ENDPOINT')?.value, 'http://127.0.0.1:4318/...');
    const plain = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/' };
    assert.equal(shown(plain, 'OTEL_EXPORTER_OTLP_ENDPOINT')?.value, 'http://127.0.0.1:4318/');
    for (const name of ['PUSH_AUDIENCE', 'DRIVE_FOLDER_ID'])
      assert.equal(shown(env, name)?.isSet, true, name);
  });

  test('are in the cloud without those that the HTTP function does not have', () => {
    const names = loadConfig(CLOUD).shown.map(({ name }) => name);
    for (const name of ['ELEVENLABS_API_KEY', 'WEBHOOK_SECRET', 'PUSH_ACCOUNT'])
      assert.ok(!names.includes(name), name);
    assert.equal(shown(CLOUD, 'SPEECH')?.value, 'elevenlabs');
    assert.equal(shown(CLOUD, 'SIGNING_KEY')?.isSet, true);
  });

  test('are answered to whoever has the key', async () => {
    const key = 'k'.repeat(24);
    await using service = await startTestApi({ API_KEY: key, MAX_COMBINATIONS: '17' });
    const ask = (headers: Record<string, string>) =>
      service.api(new Request('http://127.0.0.1:8080/settings', { headers }));
    assert.equal((await ask({})).status, 401);
    const answer = await ask({ 'x-api-key': key });
    const { settings } = (await answer.json()) as { settings: Record<string, unknown>[] };
    assert.equal(settings.length, SETTINGS.length);
    const found = (name: string) => settings.find((setting) => setting['name'] === name);
    assert.equal(found('MAX_COMBINATIONS')?.['value'], '17');
    assert.equal(found('API_KEY')?.['is_set'], true);
    assert.ok(!JSON.stringify(settings).includes(key));
  });
});
