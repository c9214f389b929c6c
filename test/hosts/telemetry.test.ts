/** What a process tells about itself, and what it loads for that. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { TransientError } from '../../functions/base/errors.ts';
import { createLog } from '../../functions/base/log.ts';
import { add } from '../../functions/base/telemetry/metrics.ts';
import { inSpan } from '../../functions/base/telemetry/spans.ts';
import { type Environment, loadConfig } from '../../functions/config/config.ts';
import { createMessageTraces } from '../../functions/hosts/message-traces.ts';
import { openTelemetry } from '../../functions/hosts/telemetry.ts';
import { measured } from '../../functions/http/measured.ts';
import { sampleTask } from '../contracts/samples.ts';
import { defaultCredentials } from '../fixtures/drive/stage.ts';
import { startGoogleServer } from '../fixtures/google/server.ts';
import type { Json } from '../fixtures/hosts/host.ts';
import { environment } from '../fixtures/system/environment.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';
import { startOtlpReceiver } from '../fixtures/telemetry/otlp-receiver.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CLOUD_RUN = {
  K_SERVICE: 'every-cut-render',
  K_REVISION: 'every-cut-render-00007-abc',
  // So that it needs neither buckets nor a key.
  FIRESTORE_EMULATOR_HOST: '127.0.0.1:1',
};

/** Opens it, counts and traces something, and sends it. */
async function sending(env: Environment) {
  const lines: Json[] = [];
  const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
  await using telemetry = await openTelemetry(loadConfig(env), log, { isScraped: false });
  add('every_cut.tasks.accepted', 1);
  await inSpan('work', {}, async () => {});
  await telemetry.flush();
  return lines;
}

describe('Google as the receiver', () => {
  const googleFor = async () => {
    await using starting = new AsyncDisposableStack();
    const google = starting.use(await startGoogleServer());
    const dir = starting.use(await tempDir());
    const kept = starting.move();
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: google.url,
      GOOGLE_API_URL: google.url,
      GOOGLE_CLOUD_PROJECT: 'project',
      ...CLOUD_RUN,
    };
    return { google, dir, env, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  };

  test('takes spans and metrics of Cloud Run, with a token, a project, a location and an instance', async () => {
    await using made = await googleFor();
    const { google, dir, env } = made;
    using _credentials = defaultCredentials({ server: google.drive, dir });
    assert.deepEqual(await sending(env), []);
    const { spans } = google.telemetry;
    assert.deepEqual(
      spans.map(({ name }) => name),
      ['work'],
    );
    const [metric] = google.telemetry.metrics();
    assert.deepEqual([metric?.name, metric?.cumulative], ['every_cut.tasks.accepted', true]);
    assert.deepEqual(spans[0]?.resource, metric?.resource);
    const { resource = {} } = spans[0] ?? {};
    const told = Object.fromEntries(
      Object.entries(resource).filter(([name]) => /^(cloud|faas|gcp)\./.test(name)),
    );
    assert.deepEqual(told, {
      'cloud.provider': 'gcp',
      'cloud.platform': 'gcp_cloud_run',
      'cloud.account.id': 'project',
      'cloud.region': 'europe-west1',
      'cloud.resource_id':
        '//run.googleapis.com/projects/project/locations/europe-west1/services/every-cut-render',
      'faas.name': 'every-cut-render',
      'faas.version': 'every-cut-render-00007-abc',
      'faas.instance': '0087244a',
      'gcp.project_id': 'project',
    });
  });

  test('refuses what comes without credentials, and the log says why there are none', async () => {
    await using made = await googleFor();
    const { google, dir, env } = made;
    using _none = environment({
      METADATA_SERVER_DETECTION: 'none',
      CLOUDSDK_CONFIG: dir.path,
      HOME: dir.path,
      GOOGLE_APPLICATION_CREDENTIALS: undefined,
    });
    const lines = await sending(env);
    assert.deepEqual(
      lines.map(({ event }) => event),
      ['telemetry.failing'],
    );
    assert.match(String(lines[0]?.['message']), /default credentials/);
    assert.deepEqual(google.telemetry.spans, []);
  });
});

test('other receivers get the headers of the settings, no token, and what the settings say about the process', async () => {
  await using receiver = await startOtlpReceiver();
  await sending({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a%20secret',
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
  });
  assert.ok(receiver.headers.length >= 2, 'both signals');
  for (const { authorization, ...headers } of receiver.headers)
    assert.deepEqual([headers['api-key'], authorization], ['a secret', undefined]);
  const [resource] = receiver.spans.map((span) => span.resource);
  assert.equal(resource?.['deployment.environment.name'], 'test');
  assert.equal(resource?.['cloud.provider'], undefined);
});

test('an SDK that cannot start leaves the process without telemetry, and the log says why', async () => {
  const lines: Json[] = [];
  const log = createLog({ level: 'debug', pretty: false, write: (line) => lines.push(JSON.parse(line)) });
  const config = loadConfig({});
  const wrong = { ...config, telemetry: { ...config.telemetry, endpoint: 'no address' } };
  await using telemetry = await openTelemetry(wrong, log, { isScraped: false });
  await telemetry.flush();
  assert.equal(telemetry.metricsText, undefined);
  assert.deepEqual(
    lines.map(({ event, severity }) => [event, severity]),
    [['telemetry.failing', 'WARNING']],
  );
  assert.match(String(lines[0]?.['error']), /no address/);
});

test('an answer of 500 and more is a failed span, one below is not', async () => {
  await using receiver = await startOtlpReceiver();
  const config = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const log = createLog({ level: 'debug', pretty: false, write: () => {} });
  await using telemetry = await openTelemetry(config, log, { isScraped: false });
  const posted = () => new Request('http://127.0.0.1/tasks/a/cancel', { method: 'POST' });
  for (const status of [404, 503]) await measured(posted(), async () => new Response(null, { status }));
  await telemetry.flush();
  assert.deepEqual(
    receiver.spans.map(({ status, attributes }) => [status, attributes['error.type']]),
    [
      [0, undefined],
      [2, '503'],
    ],
  );
});

test('a message that waits for other work is no failed span, one that fails is', async () => {
  await using receiver = await startOtlpReceiver();
  const config = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const log = createLog({ level: 'debug', pretty: false, write: () => {} });
  await using telemetry = await openTelemetry(config, log, { isScraped: false });
  const { handle } = createMessageTraces('every_cut', async () => ({ get: async () => undefined }));
  const arrival = { deliveries: 1, traceparent: undefined, age: 5 };
  for (const code of ['waiting', 'network'] as const) {
    const error = new TransientError(code, 'Not now.');
    const failing = handle({ topic: 'webhook', taskId: 'a' }, arrival, async () => Promise.reject(error));
    await assert.rejects(failing, error);
  }
  await telemetry.flush();
  assert.deepEqual(
    receiver.spans.map(({ status, attributes }) => [status, attributes['error.type']]),
    [
      [0, 'waiting'],
      [2, 'network'],
    ],
  );
});

test('a message without a trace belongs to that of its task, and is handled without one if its store is down', async () => {
  await using receiver = await startOtlpReceiver();
  const config = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
  const log = createLog({ level: 'debug', pretty: false, write: () => {} });
  await using telemetry = await openTelemetry(config, log, { isScraped: false });
  const [trace, root] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  const stored = { get: async () => ({ ...sampleTask(), traceparent: `00-${trace}-${root}-01` }) };
  const broken = async (): Promise<never> => {
    throw new Error('no store');
  };
  const arrival = { deliveries: 1, traceparent: undefined, age: 5 };
  for (const tasksOf of [async () => stored, async () => ({ get: broken }), broken]) {
    const { handle } = createMessageTraces('gcp_pubsub', tasksOf);
    const handled = await handle({ topic: 'webhook', taskId: 'a' }, arrival, async () => 'handled');
    assert.equal(handled, 'handled');
  }
  await telemetry.flush();
  const [first, ...others] = receiver.spans;
  assert.deepEqual([first?.traceId, first?.parentId], [trace, root]);
  assert.deepEqual(
    others.map(({ parentId }) => parentId),
    [undefined, undefined],
  );
});

describe('a function', () => {
  /** The packages of OpenTelemetry that a process with all stages has loaded after requests to each function. */
  const loaded = async (env: Record<string, string>): Promise<string[]> => {
    await using dir = await tempDir();
    const script = `
      import { registerHooks } from 'node:module';
      const packages = new Set();
      registerHooks({
        load(url, context, next) {
          const [, name] = /node_modules\\/(@opentelemetry\\/[^/]+)\\//.exec(url) ?? [];
          if (name !== undefined) packages.add(name);
          return next(url, context);
        },
      });
      const { createCloudFunctions, FUNCTION_NAMES } = await import('./functions/hosts/cloud.ts');
      const { loadConfig } = await import('./functions/config/config.ts');
      const { createLog } = await import('./functions/base/log.ts');
      const { NO_INSTRUMENTATION } = await import('./functions/hosts/instrumentation.ts');
      const log = createLog({ level: 'error', pretty: false, write: () => {} });
      const functions = createCloudFunctions({ config: loadConfig(process.env), log, instrumentation: NO_INSTRUMENTATION });
      // A sweep would wait for Firestore.
      for (const name of FUNCTION_NAMES.filter((name) => name !== 'sweep')) {
        const method = name === 'processMedia' ? 'GET' : 'POST';
        await functions[name](new Request('http://127.0.0.1/healthz', { method }));
      }
      for (const file of ['prepare', 'render', 'complete', 'webhook', 'dead-letter', 'sweep'])
        await import('./functions/stages/' + file + '.ts');
      console.log(JSON.stringify([...packages]));
      process.exit();
    `;
    const settings = {
      DATA_DIR: join(dir.path, 'data'),
      OUTPUT_DIR: join(dir.path, 'output'),
      GOOGLE_CLOUD_PROJECT: 'project',
      // Nobody answers there.
      FIRESTORE_EMULATOR_HOST: '127.0.0.1:1',
      PUBSUB_EMULATOR_HOST: '127.0.0.1:1',
    };
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      { cwd: ROOT, env: { PATH: process.env['PATH'], ...settings, ...env } },
    );
    return JSON.parse(stdout) as string[];
  };

  test('loads nothing of the SDK where nothing is sent', async () => {
    const packages = await loaded({});
    assert.ok(packages.includes('@opentelemetry/api'), packages.join());
    assert.deepEqual(
      packages.filter((name) => /sdk|exporter|otlp|resources/.test(name)),
      [],
    );
  });

  test('loads it where metrics and traces are sent', async () => {
    await using receiver = await startOtlpReceiver();
    const packages = await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url });
    for (const name of ['sdk-trace', 'sdk-metrics', 'exporter-trace-otlp-proto'])
      assert.ok(packages.includes(`@opentelemetry/${name}`), packages.join());
  });
});
