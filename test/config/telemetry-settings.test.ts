import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConfigError, loadConfig } from '../../functions/config/config.ts';

const GOOGLE = { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://telemetry.googleapis.com/' };

/** The names of the settings that are wrong. */
function wrong(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return [...error.message.matchAll(/^ *([A-Z_]+): expected/gm)].map(([, name = '']) => name);
  }
}

describe('settings of telemetry', () => {
  test('send nothing by default', () => {
    const { endpoint, toGoogle, headers, attributes, share, everyMs } = loadConfig({}).telemetry;
    assert.deepEqual([endpoint, toGoogle, headers, attributes], [undefined, false, {}, {}]);
    assert.deepEqual([share, everyMs], [1, 60_000]);
  });

  test('read names and values as OpenTelemetry writes them', () => {
    const { telemetry } = loadConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318/',
      OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%2Cb, tenant = 5',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test,host.id=a%20b',
    });
    assert.equal(telemetry.endpoint, 'http://127.0.0.1:4318');
    assert.equal(telemetry.toGoogle, false);
    assert.deepEqual(telemetry.headers, { 'api-key': 'a,b', tenant: '5' });
    assert.deepEqual(telemetry.attributes, { 'deployment.environment.name': 'test', 'host.id': 'a b' });
    const bad = ['OTEL_RESOURCE_ATTRIBUTES', 'OTEL_EXPORTER_OTLP_HEADERS'];
    for (const name of bad)
      for (const value of ['a', 'a=b,c', 'a=%E0%A4%A']) assert.ok(wrong({ [name]: value }).includes(name));
  });

  test('refuse headers that HTTP cannot send, and names or passwords in the address, which the log shows', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';
    for (const value of ['a=b%0Ac', 'a=b%00', 'a=%E2%82%AC'])
      assert.deepEqual(wrong({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: value }), [
        'OTEL_EXPORTER_OTLP_HEADERS',
      ]);
    const addresses = ['name@h', 'name:secret@h', ':secret@h', 'h/?', 'h/#', 'h/?a=b', 'h/ '];
    for (const address of addresses)
      assert.deepEqual(wrong({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://${address}` }), [
        'OTEL_EXPORTER_OTLP_ENDPOINT',
      ]);
  });

  test('take the name of the service from its own setting first', () => {
    const attributes = { OTEL_RESOURCE_ATTRIBUTES: 'service.name=other' };
    const nameIn = (env: Record<string, string>) => loadConfig(env).telemetry.serviceName;
    assert.deepEqual([nameIn({}), nameIn(attributes)], ['every-cut', 'other']);
    assert.equal(nameIn({ ...attributes, OTEL_SERVICE_NAME: 'mine' }), 'mine');
  });

  test('name what Google needs: a project, and on other machines a region', () => {
    assert.deepEqual(wrong(GOOGLE), ['GOOGLE_CLOUD_PROJECT', 'OTEL_RESOURCE_ATTRIBUTES']);
    const project = { ...GOOGLE, GOOGLE_CLOUD_PROJECT: 'p' };
    assert.deepEqual(wrong(project), ['OTEL_RESOURCE_ATTRIBUTES']);
    assert.deepEqual(wrong({ ...project, K_SERVICE: 'render', FIRESTORE_EMULATOR_HOST: 'h:1' }), []);
    const placed = loadConfig({ ...project, OTEL_RESOURCE_ATTRIBUTES: 'cloud.region=europe-west1' });
    assert.equal(placed.telemetry.toGoogle, true);
    for (const [host, toGoogle] of [
      ['telemetry.europe-west1.rep.googleapis.com', true],
      ['telemetry.googleapis.com.example.com', false],
      ['telemetry-googleapis.com', false],
    ] as const) {
      const env = { GOOGLE_CLOUD_PROJECT: 'p', OTEL_RESOURCE_ATTRIBUTES: 'cloud.region=europe-west1' };
      const { telemetry } = loadConfig({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: `https://${host}` });
      assert.equal(telemetry.toGoogle, toGoogle, host);
    }
  });
});
