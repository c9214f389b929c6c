/**
 * Sets up, deploys, subscribes, tries and removes the cloud with infra/'s own scripts and the real gcloud, against APIs
 * on loopback instead of Google's (test/fixtures/gcloud/apis.ts). The steps build on one another, in this order.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { loadConfig } from '../../functions/config/config.ts';
import { SETTINGS } from '../../functions/config/settings.ts';
import {
  ACK_DEADLINE_SECONDS,
  MAX_DELIVERY_ATTEMPTS,
  RETENTION_SECONDS,
  SUBSCRIPTIONS,
} from '../../infra/cloud/topology.ts';
import { PROJECT, PROJECT_NUMBER } from '../fixtures/gcloud/apis.ts';
import {
  accountOf,
  REGION,
  type Rehearsal,
  startRehearsal,
  WITH_GCLOUD,
} from '../fixtures/gcloud/rehearsal.ts';
import type { Resource } from '../fixtures/gcloud/store.ts';
import { unzip } from '../fixtures/gcloud/unzip.ts';
import { recorded } from '../fixtures/system/passed.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const P = `projects/${PROJECT}`;
const PLACE = `${P}/locations/${REGION}`;
const url = (id: string) => `https://every-cut-${id}-${PROJECT_NUMBER}.${REGION}.run.app`;
const own = (id: string) => `serviceAccount:${accountOf(id)}`;
const STAGES = ['prepare', 'render', 'complete', 'dead-letter', 'sweep'];
const AGENT = `serviceAccount:service-${PROJECT_NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com`;

interface DeployedFunction {
  name: string;
  buildConfig: { runtime: string; entryPoint: string; serviceAccount: string };
  serviceConfig: {
    availableMemory: string;
    availableCpu: string;
    maxInstanceRequestConcurrency: number;
    timeoutSeconds: number;
    maxInstanceCount: number;
    ingressSettings: string;
    serviceAccountEmail: string;
    environmentVariables: Record<string, string>;
    secretEnvironmentVariables?: { key: string; secret: string; version: string }[];
  };
}

interface Build {
  steps: { id: string; name: string; script: string }[];
  options: { env: string[] };
  substitutions: Record<string, string>;
  timeout: string;
}

const rehearsed = recorded('rehearsal', [
  ...[
    'package-lock.json',
    'infra/cloud',
    'infra/build',
    'cloudbuild.yaml',
    '.gcloudignore',
    '.env.example',
    'functions/config',
  ],
  ...['test/infra/rehearsal.test.ts', 'test/fixtures/gcloud'],
]);

describe('the cloud, rehearsed with the real gcloud', {
  timeout: 900_000,
  skip: WITH_GCLOUD.skip || rehearsed.skip,
}, () => {
  rehearsed.record();
  let rehearsal: Rehearsal;
  let build: Build;

  before(async () => {
    rehearsal = await startRehearsal();
  });
  after(() => rehearsal?.[Symbol.asyncDispose]());

  const functions = () => rehearsal.apis.store.list(`${PLACE}/functions`) as unknown as DeployedFunction[];
  const deployedAs = (id: string) => {
    const found = functions().find(({ name }) => name === `${PLACE}/functions/every-cut-${id}`);
    assert.ok(found, `every-cut-${id} is deployed`);
    return found;
  };
  const held = (name: string) =>
    rehearsal.apis.store
      .policy(name)
      .bindings.flatMap(({ role, members }) => members.map((member) => `${role} ${member}`))
      .sort();
  const invokers = (id: string) => held(`${PLACE}/services/every-cut-${id}`);
  const secretsOf = (id: string) =>
    deployedAs(id).serviceConfig.secretEnvironmentVariables?.map(({ key, version }) => `${key}:${version}`) ??
    [];

  async function succeeds(script: string, args: string[] = [], env: Record<string, string> = {}) {
    const { code, output } = await rehearsal.run(script, args, env);
    assert.equal(code, 0, `${script}:\n${output}`);
    return output;
  }
  /** Asserts that a script makes no request that could change anything. */
  async function changesNothing(script: string, args: string[] = [], env: Record<string, string> = {}) {
    const before = rehearsal.apis.changes().length;
    const ran = await rehearsal.run(script, args, env);
    const asked = rehearsal.apis.changes().slice(before);
    assert.deepEqual(
      asked.map(({ method, api, path }) => `${method} ${api} ${path}`),
      [],
      ran.output,
    );
    return ran;
  }
  /** A step of cloudbuild.yaml, as Cloud Build runs it. */
  async function step(id: string, env: Record<string, string> = {}) {
    const found = build.steps.find((candidate) => candidate.id === id);
    assert.ok(found, id);
    const values: Record<string, string> = { PROJECT_ID: PROJECT, ...build.substitutions };
    const own = build.options.env.map((line) => line.split(/=(.*)/s) as [string, string]);
    const set = own.map(([name, value]) => [
      name,
      value.replace(/\$\{?(\w+)\}?/g, (_, key) => values[key] ?? ''),
    ]);
    const script = join(rehearsal.dir, `${id}.sh`);
    await writeFile(script, found.script, { mode: 0o755 });
    return succeeds(script, [], { ...Object.fromEntries(set), ...env });
  }

  test('is set up: APIs, accounts, Firestore, buckets, topics, images, secrets', async () => {
    const { store } = rehearsal.apis;
    // Earlier versions let prepare replace and remove what is prepared.
    const objects = { role: 'roles/storage.objectUser', members: [own('prepare')] };
    store.setPolicy(`b/${PROJECT}-every-cut-cache`, { bindings: [objects] });
    const output = await succeeds('infra/cloud/setup.sh');
    const names = (collection: string) =>
      store.list(collection).map((found) => String(found['name']).split('/').at(-1));
    assert.ok(names(`${P}/services`).length >= 12);
    assert.deepEqual(
      store.list(`${P}/serviceAccounts`).map(({ email }) => email),
      ['api', 'prepare', 'render', 'push', 'build', 'deploy'].map(accountOf),
    );
    assert.deepEqual(
      names(`${P}/topics`),
      ['prepare', 'render', 'complete', 'dead-letter'].map((id) => `every-cut-${id}`),
    );
    const database = store.get(`${P}/databases/(default)`);
    assert.deepEqual(
      [database['type'], database['deleteProtectionState']],
      ['FIRESTORE_NATIVE', 'DELETE_PROTECTION_ENABLED'],
    );
    for (const id of ['cache', 'output']) {
      const bucket = store.get(`b/${PROJECT}-every-cut-${id}`) as {
        iamConfiguration: { publicAccessPrevention: string; uniformBucketLevelAccess: { enabled: boolean } };
        lifecycle: { rule: unknown[] };
      };
      assert.equal(bucket.iamConfiguration.publicAccessPrevention, 'enforced');
      assert.equal(bucket.iamConfiguration.uniformBucketLevelAccess.enabled, true);
      assert.ok(bucket.lifecycle.rule.length > 0);
    }
    const images = store.get(`${PLACE}/repositories/every-cut`);
    assert.deepEqual(Object.keys(images['cleanupPolicies'] as object).sort(), ['delete-older', 'keep-three']);
    assert.deepEqual(
      names(`${P}/secrets`),
      ['api-key', 'elevenlabs-api-key', 'signing-key'].map((id) => `every-cut-${id}`),
    );
    const sent = rehearsal.apis.calls.filter(({ path }) =>
      path.endsWith('/every-cut-signing-key:addVersion'),
    );
    const keys = sent.map(({ body }) => (body['payload'] as { data: string }).data);
    const [key = ''] = keys.map((data) => Buffer.from(data, 'base64').toString());
    assert.equal(keys.length, 1);
    assert.match(key, /^[\w-]{43}$/, 'a key of 32 random bytes');
    assert.ok(!output.includes(key), 'which is not printed');
  });

  test('has the exemptions and the time-to-live policies of firestore.indexes.json', async () => {
    const { fieldOverrides } = JSON.parse(
      await readFile(join(ROOT, 'infra/cloud/firestore.indexes.json'), 'utf8'),
    ) as {
      fieldOverrides: { collectionGroup: string; fieldPath: string; ttl?: boolean }[];
    };
    for (const { collectionGroup, fieldPath, ttl } of fieldOverrides) {
      const field = rehearsal.apis.store.get(
        `${P}/databases/(default)/collectionGroups/${collectionGroup}/fields/${fieldPath}`,
      );
      assert.deepEqual(field['indexConfig'], { indexes: [] }, fieldPath);
      assert.equal('ttlConfig' in field, ttl === true, fieldPath);
    }
  });

  test('denies every client the access to Firestore', async () => {
    const { store } = rehearsal.apis;
    const { rulesetName } = store.get(`${P}/releases/cloud.firestore`) as { rulesetName: string };
    const { source } = store.get(rulesetName) as { source: { files: { content: string }[] } };
    assert.equal(source.files.length, 1);
    const allowed = [...(source.files[0]?.content ?? '').matchAll(/^\s*allow .*$/gm)].map(([line]) =>
      line.trim(),
    );
    assert.deepEqual(allowed, ['allow read, write: if false;']);
  });

  test('leaves the rules of another application alone', async () => {
    const { store } = rehearsal.apis;
    const { name, rulesetName } = store.get(`${P}/releases/cloud.firestore`) as {
      name: string;
      rulesetName: string;
    };
    const open = `${P}/rulesets/open`;
    const content = "rules_version = '2'; allow read, write: if true;";
    store.create(open, { name: open, source: { files: [{ name: 'firestore.rules', content }] } });
    store.update(name, { rulesetName: open }, undefined);
    const script = ['infra/cloud/firestore-rules.ts', PROJECT];
    const { code, output } = await changesNothing(process.execPath, script);
    assert.equal(code, 1);
    assert.match(output, /Expected Firestore rules that deny every client, got others.*REPLACE_RULES=true/s);
    await succeeds(process.execPath, script, { REPLACE_RULES: 'true' });
    const filesOf = (id: unknown) => store.get(String(id))['source'];
    assert.deepEqual(filesOf(store.get(name)['rulesetName']), filesOf(rulesetName));
  });

  test('gives each account only the roles that it needs, on the resources that it needs them for', () => {
    const topic = (id: string) => held(`${P}/topics/every-cut-${id}`);
    const publish = (id: string) => `roles/pubsub.publisher ${own(id)}`;
    assert.deepEqual(topic('prepare'), [publish('api'), publish('render')]);
    assert.deepEqual(topic('render'), [publish('api'), publish('render')]);
    assert.deepEqual(topic('complete'), [publish('render')]);
    assert.deepEqual(topic('dead-letter'), [`roles/pubsub.publisher ${AGENT}`]);
    const objects = (id: string) => `roles/storage.objectUser ${own(id)}`;
    // prepare opens files from strangers, so it has no access to the videos.
    assert.deepEqual(held(`b/${PROJECT}-every-cut-output`), [objects('api'), objects('render')]);
    // Nor may it replace or remove what is prepared for others, also if an earlier version allowed it.
    assert.deepEqual(held(`b/${PROJECT}-every-cut-cache`), [
      `roles/storage.objectCreator ${own('prepare')}`,
      objects('render'),
      `roles/storage.objectViewer ${own('prepare')}`,
    ]);
    const readers = (id: string) => held(`${P}/secrets/every-cut-${id}`).map((line) => line.split(' ')[1]);
    assert.deepEqual(readers('api-key'), [own('api')]);
    assert.deepEqual(readers('elevenlabs-api-key'), [own('prepare')]);
    assert.deepEqual(readers('signing-key'), [own('api'), own('render')]);
    assert.deepEqual(
      held(P).filter((line) => !line.endsWith(own('deploy')) && !line.endsWith(own('build'))),
      ['api', 'prepare', 'render'].map((id) => `roles/datastore.user ${own(id)}`),
    );
    assert.ok(!held(P).some((line) => /roles\/(owner|editor|viewer) /.test(line)));
    assert.ok(!held(P).some((line) => line.includes(own('push'))));
    assert.deepEqual(
      held(P).filter((line) => line.endsWith(own('build'))),
      [`roles/logging.logWriter ${own('build')}`, `roles/storage.objectViewer ${own('build')}`],
    );
    assert.deepEqual(held(`${PLACE}/repositories/every-cut`), [
      `roles/artifactregistry.writer ${own('build')}`,
    ]);
  });

  test('does not change when it is set up a second time', async () => {
    const { code, output } = await changesNothing('infra/cloud/setup.sh');
    assert.equal(code, 0, output);
  });

  test('is not opened to the internet without an API key', async () => {
    const { code, output } = await changesNothing('infra/cloud/deploy.sh', ['--public']);
    assert.equal(code, 1);
    assert.match(
      output,
      /Expected an API key because of --public, got none.*\n.*gcloud secrets versions add every-cut-api-key/,
    );
  });

  test('refuses unknown settings, and secrets among the settings, before it deploys anything', async () => {
    const wrong: readonly (readonly [line: string, message: RegExp])[] = [
      ['OUTPUT_BUKCET=videos', /expected a setting of functions\/config\/README\.md, got OUTPUT_BUKCET/],
      ['ELEVENLABS_API_KEY=sk_0123456789', /expected no secrets, got ELEVENLABS_API_KEY/],
      ['PUSH_ACCOUNT=me@example.com', /expected no PUSH_ACCOUNT/],
    ];
    for (const [line, message] of wrong) {
      const file = join(rehearsal.dir, 'wrong.env');
      await writeFile(file, `OUTPUT=gcs\n${line}\n`);
      const { code, output } = await changesNothing('infra/cloud/deploy.sh', [], { SETTINGS_FILE: file });
      assert.equal(code, 1, line);
      assert.match(output, message);
      assert.doesNotMatch(output, /sk_0123456789/);
    }
  });

  test('is built from cloudbuild.yaml: check, test, deploy, subscribe, smoke', async () => {
    await succeeds('gcloud', [
      ...[
        'builds',
        'submit',
        '--config=cloudbuild.yaml',
        '--ignore-file=infra/cloud/build.gcloudignore',
        '--async',
      ],
      ...[`--region=${REGION}`, `--service-account=${P}/serviceAccounts/${accountOf('deploy')}`],
      ...[
        `--substitutions=_REGION=${REGION}`,
        `--project=${PROJECT}`,
        `--gcs-source-staging-dir=gs://${PROJECT}-every-cut-cache/source`,
      ],
    ]);
    [build] = rehearsal.apis.store.list(`${PLACE}/builds`) as unknown as [Build];
    assert.deepEqual(
      build.steps.map(({ id }) => id),
      ['check', 'test', 'deploy', 'subscribe', 'smoke'],
    );
    assert.match(build.steps[1]?.script ?? '', /npm test/);
  });

  test('deploys six functions, none of them public', async () => {
    await step('deploy');
    const facts = (id: string) => {
      const { buildConfig, serviceConfig: config } = deployedAs(id);
      return [
        ...[buildConfig.runtime, buildConfig.entryPoint, config.serviceAccountEmail.split('@')[0]],
        ...[config.availableMemory, config.availableCpu, config.maxInstanceRequestConcurrency],
        ...[config.timeoutSeconds, config.maxInstanceCount, config.ingressSettings],
      ].join(' ');
    };
    assert.deepEqual(Object.fromEntries(['process-media', ...STAGES].map((id) => [id, facts(id)])), {
      'process-media': 'nodejs24 processMedia every-cut-api 512Mi 1 80 60 10 ALLOW_ALL',
      prepare: 'nodejs24 prepare every-cut-prepare 4Gi 2 1 600 50 ALLOW_INTERNAL_ONLY',
      render: 'nodejs24 render every-cut-render 2Gi 1 8 600 50 ALLOW_INTERNAL_ONLY',
      complete: 'nodejs24 complete every-cut-render 512Mi 1 4 600 10 ALLOW_INTERNAL_ONLY',
      'dead-letter': 'nodejs24 deadLetter every-cut-render 512Mi 1 8 600 10 ALLOW_INTERNAL_ONLY',
      sweep: 'nodejs24 sweep every-cut-render 512Mi 1 1 300 1 ALLOW_INTERNAL_ONLY',
    });
    for (const id of ['process-media', ...STAGES]) {
      assert.deepEqual(invokers(id), [], id);
      assert.equal(deployedAs(id).buildConfig.serviceAccount, `${P}/serviceAccounts/${accountOf('build')}`);
      const own = id === 'prepare' ? [] : ['SIGNING_KEY:1'];
      assert.deepEqual(secretsOf(id), own, 'no other secret has a value yet');
    }
  });

  test('uploads what the functions are built from, and nothing else', () => {
    for (const archive of rehearsal.apis.uploads.filter(
      (bytes) => bytes.subarray(0, 2).toString() === 'PK',
    )) {
      const files = [...unzip(archive).keys()];
      assert.ok(files.includes('package.json') && files.includes('functions/index.ts'));
      assert.deepEqual(files.filter((name) => !name.startsWith('functions/')).sort(), [
        ...['infra/build/build.ts', 'infra/build/check-node.cjs', 'infra/build/tsconfig.build.json'],
        ...['package-lock.json', 'package.json', 'tsconfig.json'],
      ]);
    }
  });

  test('lets only Pub/Sub and Cloud Scheduler call the stages, as one account', async () => {
    const { store } = rehearsal.apis;
    // As if someone had made a function public to try something.
    store.setPolicy(`${PLACE}/services/every-cut-render`, {
      bindings: [{ role: 'roles/run.invoker', members: ['allUsers'] }],
    });
    await step('subscribe', { CALLERS: 'user:someone@example.com' });
    for (const id of STAGES) assert.deepEqual(invokers(id), [`roles/run.invoker ${own('push')}`], id);
    assert.deepEqual(invokers('process-media'), [
      `roles/run.invoker ${own('deploy')}`,
      'roles/run.invoker user:someone@example.com',
    ]);
    const [job] = store.list(`${PLACE}/jobs`) as [Resource];
    assert.equal(job['schedule'], '*/5 * * * *');
    const target = job['httpTarget'] as Resource;
    assert.deepEqual(
      [target['uri'], target['oidcToken']],
      [`${url('sweep')}/`, { serviceAccountEmail: accountOf('push'), audience: url('sweep') }],
    );
  });

  test('has the subscriptions that the emulators have, with tokens for their audience', () => {
    const { store } = rehearsal.apis;
    assert.equal(store.list(`${P}/subscriptions`).length, SUBSCRIPTIONS.length);
    for (const { name, topic, deadLetterTopic } of SUBSCRIPTIONS) {
      const endpoint = url(topic.replace('every-cut-', ''));
      assert.deepEqual(store.get(`${P}/subscriptions/${name}`), {
        name: `${P}/subscriptions/${name}`,
        topic: `${P}/topics/${topic}`,
        pushConfig: {
          pushEndpoint: endpoint,
          oidcToken: { serviceAccountEmail: accountOf('push'), audience: endpoint },
        },
        ackDeadlineSeconds: ACK_DEADLINE_SECONDS,
        messageRetentionDuration: `${RETENTION_SECONDS}s`,
        // Empty: it never expires.
        expirationPolicy: {},
        retryPolicy: { minimumBackoff: '10s', maximumBackoff: '600s' },
        ...(deadLetterTopic === undefined
          ? {}
          : {
              deadLetterPolicy: {
                deadLetterTopic: `${P}/topics/${deadLetterTopic}`,
                maxDeliveryAttempts: MAX_DELIVERY_ATTEMPTS,
              },
            }),
      });
      const forwards = deadLetterTopic === undefined ? [] : [`roles/pubsub.subscriber ${AGENT}`];
      assert.deepEqual(held(`${P}/subscriptions/${name}`), forwards, name);
    }
  });

  test('does not change when it is deployed and subscribed a second time', async () => {
    assert.equal((await changesNothing('infra/cloud/deploy.sh')).code, 0);
    assert.equal(
      (await changesNothing('infra/cloud/subscribe.sh', [], { CALLERS: 'user:someone@example.com' })).code,
      0,
    );
  });

  test('repairs a subscription that was changed', async () => {
    const { store } = rehearsal.apis;
    const name = `${P}/subscriptions/every-cut-render-push`;
    const whole = structuredClone(store.get(name));
    store.update(
      name,
      { ackDeadlineSeconds: 10, pushConfig: { pushEndpoint: 'https://example.com' } },
      undefined,
    );
    await succeeds('infra/cloud/subscribe.sh');
    assert.deepEqual(store.get(name), whole);
  });

  test('passes the smoke test, which notices a failed call of the scheduler and a function that is open to everyone', async () => {
    let open = false;
    // Checks the caller's identity, as Cloud Run does in front of a function.
    const frontEnd = createServer((request, response) => {
      const isAllowed = open || request.headers.authorization === 'Bearer an-identity';
      response.writeHead(isAllowed ? 200 : 403).end(isAllowed ? '{"renders":[]}' : 'Forbidden');
    });
    frontEnd.listen(0, '127.0.0.1');
    await once(frontEnd, 'listening');
    const address = `http://127.0.0.1:${(frontEnd.address() as AddressInfo).port}`;
    const addresses = ['process-media', ...STAGES].map((id) => [
      `URL_${id.toUpperCase().replace('-', '_')}`,
      address,
    ]);
    const env = { ...Object.fromEntries(addresses), IDENTITY_TOKEN: 'an-identity' };
    try {
      const tried = await step('smoke', env);
      assert.match(tried, /With credentials: 200 and a task's plan/);
      assert.match(tried, /sweep, called by Cloud Scheduler: accepted, as expected/);
      const job = `${PLACE}/jobs/every-cut-sweep`;
      rehearsal.apis.store.update(job, { status: { code: 16 } }, undefined);
      const refused = await rehearsal.run('infra/cloud/smoke.sh', [], env);
      assert.match(
        refused.output,
        /Expected the function sweep to accept the call from Cloud Scheduler, got status 16/,
      );
      rehearsal.apis.store.update(job, { status: {} }, undefined);
      open = true;
      const { code, output } = await rehearsal.run('infra/cloud/smoke.sh', [], env);
      assert.equal(code, 1);
      assert.match(
        output,
        /Expected 401 or 403 from .* without credentials, got 200: anyone could post tasks/,
      );
    } finally {
      frontEnd.close();
      frontEnd.closeAllConnections();
    }
  });

  test('gives each secret, with its version, only to the functions that need it, and opens one function with --public', async () => {
    const { store } = rehearsal.apis;
    for (const id of ['api-key', 'elevenlabs-api-key']) {
      const name = `${P}/secrets/every-cut-${id}/versions/1`;
      store.create(name, { name, state: 'ENABLED', createTime: '2026-01-01T00:00:00Z' });
    }
    await succeeds('infra/cloud/deploy.sh', ['--public']);
    assert.deepEqual(secretsOf('process-media').sort(), ['API_KEY:1', 'SIGNING_KEY:1']);
    assert.deepEqual(secretsOf('prepare'), ['ELEVENLABS_API_KEY:1']);
    for (const id of ['render', 'complete', 'dead-letter', 'sweep'])
      assert.deepEqual(secretsOf(id), ['SIGNING_KEY:1'], id);
    assert.ok(invokers('process-media').includes('roles/run.invoker allUsers'));
    for (const id of STAGES) assert.deepEqual(invokers(id), [`roles/run.invoker ${own('push')}`], id);
    assert.equal(deployedAs('process-media').serviceConfig.environmentVariables['PUBLIC_API'], 'true');
  });

  test('gives each function settings that it accepts at its start', () => {
    for (const id of ['process-media', ...STAGES]) {
      const { buildConfig, serviceConfig } = deployedAs(id);
      const secrets = serviceConfig.secretEnvironmentVariables ?? [];
      const config = loadConfig({
        ...serviceConfig.environmentVariables,
        ...Object.fromEntries(secrets.map(({ key }) => [key, 'a-value-of-more-than-thirty-two-characters'])),
        K_SERVICE: `every-cut-${id}`,
        FUNCTION_TARGET: buildConfig.entryPoint,
      });
      assert.equal(config.vendors.output.kind, 'gcs');
      assert.ok(config.vendors.elevenLabs, `${id} has a voice vendor`);
      const known = [...SETTINGS.map(({ name }) => name), 'GOOGLE_CLOUD_PROJECT', 'NODE_OPTIONS'];
      for (const name of Object.keys(serviceConfig.environmentVariables))
        assert.ok(known.includes(name), name);
    }
  });

  test('is closed again by a deploy without --public', async () => {
    await succeeds('infra/cloud/deploy.sh');
    assert.ok(!invokers('process-media').includes('roles/run.invoker allUsers'));
    assert.equal(deployedAs('process-media').serviceConfig.environmentVariables['PUBLIC_API'], 'false');
  });

  test('is removed only with --yes, and keeps the videos and the tasks', async () => {
    assert.equal((await changesNothing('infra/cloud/teardown.sh')).code, 1);
    await succeeds('infra/cloud/teardown.sh', ['--yes', '--everything']);
    const { store } = rehearsal.apis;
    for (const what of [
      `${PLACE}/functions`,
      `${P}/subscriptions`,
      `${P}/topics`,
      `${PLACE}/jobs`,
      `${P}/secrets`,
    ]) {
      assert.deepEqual(store.list(what), [], what);
    }
    assert.deepEqual(store.list(`${P}/serviceAccounts`), []);
    assert.deepEqual(
      store.list('b').map(({ name }) => name),
      [`${PROJECT}-every-cut-output`],
    );
    assert.equal(store.list(`${P}/databases`).length, 1);
  });

  test('made no request that these APIs do not support', (t) => {
    assert.deepEqual(rehearsal.apis.unknown, []);
    const counts = new Map<string, number>();
    for (const { method, api, path } of rehearsal.apis.changes()) {
      const kind = path
        .replace(/(every-cut-rehearsal|europe-west1)/g, '*')
        .replace(/fields\/.*|every-cut[^/:]*/g, '…');
      counts.set(`${method} ${api} ${kind}`, (counts.get(`${method} ${api} ${kind}`) ?? 0) + 1);
    }
    t.diagnostic(`${rehearsal.apis.calls.length} calls, ${rehearsal.apis.changes().length} of them changes:`);
    for (const [call, count] of counts) t.diagnostic(`${String(count).padStart(4)} ${call}`);
  });
});
