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
import { readMonitoring } from '../../infra/cloud/monitoring-files.ts';
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
/** The address of the HTTP function that Cloud Run makes up at the first deployment. */
const OTHER_URL = 'https://every-cut-process-media-k3v5q7x2ab-ew.a.run.app';
const own = (id: string) => `serviceAccount:${accountOf(id)}`;
const STAGES = ['prepare', 'render', 'complete', 'dead-letter', 'sweep', 'webhook'];
const CORS = 'CORS_ORIGINS=https://app.example.com, https://other.example.com';
/** The keys that setup.sh makes, and the functions that get others than SIGNING_KEY. */
const KEYS: Readonly<Record<string, string[]>> = {
  prepare: [],
  webhook: ['SIGNING_KEY:1', 'WEBHOOK_SECRET:1'],
};
const CACHE = `b/${PROJECT}-every-cut-cache`;
/** A value with commas, which separate settings in gcloud's flags. */
const VOICE_SETTINGS = '{"stability":0.5,"speed":1.1}';
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
  steps: { id: string; name: string; script: string; env?: string[] }[];
  options: { env: string[]; machineType?: string };
  substitutions: Record<string, string>;
  timeout: string;
}

interface Policy {
  name: string;
  displayName: string;
  enabled?: boolean;
  userLabels: { 'every-cut': string };
  notificationChannels?: string[];
  conditions: { name: string; conditionPrometheusQueryLanguage?: { query: string } }[];
}

/** As Cloud Run's API shows it. */
interface Service {
  metadata: { annotations: Record<string, string> };
  spec: {
    traffic?: { percent: number; latestRevision?: boolean; revisionName?: string }[];
    template: {
      metadata: { annotations: Record<string, string> };
      spec: { containers: { env: { name: string; value?: string }[] }[] };
    };
  };
}

/** Whether the token is the identity of the account that Cloud Build runs as, for the HTTP function. */
function isOfDeploy(token: string): boolean {
  const [, payload = ''] = token.split('.');
  if (payload === '') return false;
  const { aud, email } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Resource;
  return aud === url('process-media') && email === accountOf('deploy');
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
  timeout: 1_800_000,
  skip: WITH_GCLOUD.skip || rehearsed.skip,
}, () => {
  rehearsed.record();
  let rehearsal: Rehearsal;
  let build: Build;

  /** Of every script. */
  let settings: Record<string, string> | undefined;

  before(async () => {
    rehearsal = await startRehearsal();
    settings = await settingsWith(`ELEVENLABS_VOICE_SETTINGS=${VOICE_SETTINGS}`, 'all.env');
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
      .bindings.flatMap(({ role, members, condition }) =>
        members.map((member) => [role, member, condition?.['title'] ?? []].flat().join(' ')),
      )
      .sort();
  const invokers = (id: string) => held(`${PLACE}/services/every-cut-${id}`);
  const serviceOf = (id: string) =>
    `apis/serving.knative.dev/v1/namespaces/${PROJECT}/services/every-cut-${id}`;
  const service = (id: string) => rehearsal.apis.store.get(serviceOf(id)) as unknown as Service;
  const generationOf = (id: string) =>
    service(id).spec.template.metadata.annotations['run.googleapis.com/execution-environment'];
  /** Whether IAM checks the callers of the service. */
  const isChecked = (id: string) =>
    service(id).metadata.annotations['run.googleapis.com/invoker-iam-disabled']?.toLowerCase() !== 'true';
  const pushIam = (id: string) =>
    service(id).spec.template.spec.containers[0]?.env.find(({ name }) => name === 'PUSH_IAM')?.value;
  const secretsOf = (id: string) =>
    deployedAs(id).serviceConfig.secretEnvironmentVariables?.map(({ key, version }) => `${key}:${version}`) ??
    [];

  const policies = () => rehearsal.apis.store.list(`${P}/alertPolicies`) as unknown as Policy[];
  const policy = (id: string) => {
    const [found, ...copies] = policies().filter(({ userLabels }) => userLabels['every-cut'] === id);
    assert.ok(found && copies.length === 0, id);
    return found;
  };
  const channels = () => rehearsal.apis.store.list(`${P}/notificationChannels`);

  const run = (script: string, args: string[] = [], env: Record<string, string> = {}) =>
    rehearsal.run(script, args, { ...settings, ...env });
  async function succeeds(script: string, args: string[] = [], env: Record<string, string> = {}) {
    const { code, output } = await run(script, args, env);
    assert.equal(code, 0, `${script}:\n${output}`);
    return output;
  }
  /** Asserts that a script makes no request that could change anything. */
  async function changesNothing(script: string, args: string[] = [], env: Record<string, string> = {}) {
    const before = rehearsal.apis.changes().length;
    const ran = await run(script, args, env);
    const asked = rehearsal.apis.changes().slice(before);
    assert.deepEqual(
      asked.map(({ method, api, path }) => `${method} ${api} ${path}`),
      [],
      ran.output,
    );
    return ran;
  }
  /** The settings, those of infra/cloud/cloud.env at first, with one more line. */
  async function settingsWith(line: string, name = 'cloud.env') {
    const base = settings?.['SETTINGS_FILE'] ?? join(ROOT, 'infra/cloud/cloud.env');
    const file = join(rehearsal.dir, name);
    await writeFile(file, `${await readFile(base, 'utf8')}\n${line}\n`);
    return { SETTINGS_FILE: file };
  }
  /** A step of cloudbuild.yaml, as Cloud Build runs it, with nothing but its account. */
  async function step(id: string, env: Record<string, string> = {}) {
    const found = build.steps.find((candidate) => candidate.id === id);
    assert.ok(found, id);
    const values: Record<string, string> = { PROJECT_ID: PROJECT, PROJECT_NUMBER, ...build.substitutions };
    const own = build.options.env.map((line) => line.split(/=(.*)/s) as [string, string]);
    const set = own.map(([name, value]) => [
      name,
      value.replace(/\$\{?(\w+)\}?/g, (_, key) => values[key] ?? ''),
    ]);
    const script = join(rehearsal.dir, `${id}.sh`);
    await writeFile(script, found.script, { mode: 0o755 });
    const account = await rehearsal.as('ya29.deploy');
    return succeeds(script, [], { ...account, ...Object.fromEntries(set), ...env });
  }

  test('is set up: APIs, accounts, Firestore, buckets, topics, images, secrets', async () => {
    const { store } = rehearsal.apis;
    // Earlier versions let prepare replace and remove what is prepared.
    const objects = { role: 'roles/storage.objectUser', members: [own('prepare')] };
    store.setPolicy(CACHE, { bindings: [objects] });
    const output = await succeeds('infra/cloud/setup.sh', [], await settingsWith(CORS));
    assert.match(output, /firestore\.googleapis\.com has not been used/, 'for a moment after it was enabled');
    const names = (collection: string) =>
      store.list(collection).map((found) => String(found['name']).split('/').at(-1));
    assert.deepEqual(
      names(`${P}/services`).sort(),
      [
        ...['artifactregistry', 'cloudbuild', 'cloudfunctions', 'cloudresourcemanager', 'cloudscheduler'],
        ...[
          'firebaserules',
          'firestore',
          'iam',
          'iamcredentials',
          'logging',
          'monitoring',
          'pubsub',
          'run',
          'secretmanager',
        ],
        ...['serviceusage', 'storage'],
      ].map((api) => `${api}.googleapis.com`),
    );
    assert.deepEqual(
      store.list(`${P}/serviceAccounts`).map(({ email }) => email),
      ['api', 'prepare', 'render', 'webhook', 'push', 'build', 'deploy'].map(accountOf),
    );
    assert.deepEqual(
      names(`${P}/topics`),
      ['prepare', 'render', 'complete', 'dead-letter', 'webhook'].map((id) => `every-cut-${id}`),
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
      ['api-key', 'elevenlabs-api-key', 'elevenlabs-voices-key', 'signing-key', 'webhook-secret'].map(
        (id) => `every-cut-${id}`,
      ),
    );
    const made = (id: string) =>
      rehearsal.apis.calls
        .filter(({ path }) => path.endsWith(`/every-cut-${id}:addVersion`))
        .map(({ body }) => Buffer.from((body['payload'] as { data: string }).data, 'base64').toString());
    for (const [id, kind] of [
      ['signing-key', /^[\w-]{43}$/],
      ['webhook-secret', /^whsec_[\w+/]{43}=$/],
    ] as const) {
      const [key = '', ...others] = made(id);
      assert.deepEqual(others, [], id);
      assert.match(key, kind, 'a key of 32 random bytes');
      assert.ok(!output.includes(key), 'which is not printed');
    }
  });

  test('lets its own page and those of CORS_ORIGINS upload from a browser, and leaves the rules of somebody else alone', async () => {
    const { store } = rehearsal.apis;
    const bucket = () => store.get(CACHE) as { cors: object[]; lifecycle: { rule: object[] } };
    const ours = {
      origin: ['https://app.example.com', 'https://other.example.com', url('process-media')],
      method: ['PUT'],
      responseHeader: ['content-type', 'x-goog-content-length-range'],
      maxAgeSeconds: 3_600,
    };
    assert.deepEqual(bucket().cors, [ours]);
    const uploads = { action: { type: 'Delete' }, condition: { age: 7, matchesPrefix: ['uploads/'] } };
    const declared = structuredClone(bucket().lifecycle);
    assert.deepEqual(declared.rule[0], uploads);

    // As an earlier version made it, with changes of the operator.
    const longer = { action: { type: 'Delete' }, condition: { age: 90, matchesPrefix: ['artifacts/clip/'] } };
    const theirs = { origin: ['*'], method: ['GET'], responseHeader: [], maxAgeSeconds: 60 };
    store.update(CACHE, { lifecycle: { rule: [longer] }, cors: [theirs, ours] }, undefined);
    const script = ['infra/cloud/bucket-settings.ts', PROJECT, CACHE.slice(2), 'cache-lifecycle.json'];
    await succeeds(process.execPath, script);
    assert.deepEqual(bucket().lifecycle.rule, [longer, uploads]);
    assert.deepEqual(bucket().cors, [theirs], 'without a page');
    await changesNothing(process.execPath, script);
    await succeeds(process.execPath, [...script, ',https://Ads.example.com/made/, https://ads.example.com,']);
    assert.deepEqual(bucket().cors, [theirs, { ...ours, origin: ['https://ads.example.com'] }]);
    store.update(CACHE, { lifecycle: declared, cors: [ours] }, undefined);
  });

  test('has the indexes and the time-to-live policies of firestore.indexes.json', async () => {
    const { indexes, fieldOverrides } = JSON.parse(
      await readFile(join(ROOT, 'infra/cloud/firestore.indexes.json'), 'utf8'),
    ) as {
      indexes: { collectionGroup: string; fields: { fieldPath: string; order: string }[] }[];
      fieldOverrides: {
        collectionGroup: string;
        fieldPath: string;
        ttl?: boolean;
        indexes: { order: string; queryScope: string }[];
      }[];
    };
    const { store } = rehearsal.apis;
    const groups = `${P}/databases/(default)/collectionGroups`;
    for (const { collectionGroup, fieldPath, ttl, indexes: own } of fieldOverrides) {
      const field = store.get(`${groups}/${collectionGroup}/fields/${fieldPath}`);
      const wanted = own.map(({ order, queryScope }) => ({ queryScope, fields: [{ fieldPath, order }] }));
      assert.deepEqual(field['indexConfig'], { indexes: wanted }, fieldPath);
      assert.equal('ttlConfig' in field, ttl === true, fieldPath);
    }
    const made = store.list(`${groups}/tasks/indexes`).map(({ fields }) => fields);
    assert.deepEqual(
      made,
      indexes.map(({ fields }) => [...fields, { fieldPath: '__name__', order: fields.at(-1)?.order }]),
    );
  });

  test('gives an index to a field that an earlier version had exempted', async () => {
    const { store } = rehearsal.apis;
    const name = `${P}/databases/(default)/collectionGroups/tasks/fields/storedAt`;
    const { indexConfig } = store.get(name);
    store.update(name, { indexConfig: { indexes: [] } }, undefined);
    store.remove(`changing/${name}`);
    await succeeds(process.execPath, ['infra/cloud/firestore-fields.ts', PROJECT]);
    assert.deepEqual(store.get(name)['indexConfig'], indexConfig);
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
    assert.deepEqual(topic('prepare'), ['api', 'prepare', 'render'].map(publish));
    assert.deepEqual(topic('render'), ['api', 'prepare', 'render'].map(publish));
    assert.deepEqual(topic('complete'), [publish('render')]);
    assert.deepEqual(topic('dead-letter'), [`roles/pubsub.publisher ${AGENT}`]);
    assert.deepEqual(topic('webhook'), [publish('api'), publish('render')]);
    const objects = (id: string) => `roles/storage.objectUser ${own(id)}`;
    // prepare opens files from strangers, so it has no access to the videos.
    assert.deepEqual(held(`b/${PROJECT}-every-cut-output`), [objects('api'), objects('render')]);
    // Nor may it replace or remove what is prepared for others, also if an earlier version allowed it.
    // api is open to the internet: it may add and read uploads, but nothing that is prepared.
    assert.deepEqual(held(CACHE), [
      `roles/storage.objectCreator ${own('api')} uploads`,
      `roles/storage.objectCreator ${own('prepare')}`,
      objects('render'),
      `roles/storage.objectViewer ${own('api')} uploads`,
      `roles/storage.objectViewer ${own('prepare')}`,
    ]);
    const conditions = rehearsal.apis.store
      .policy(CACHE)
      .bindings.flatMap(({ role, condition }) =>
        condition === undefined ? [] : [[role, condition['expression']]],
      );
    const bucket = `projects/_/buckets/${PROJECT}-every-cut-cache`;
    const uploads = `resource.name.startsWith("${bucket}/objects/uploads/")`;
    assert.deepEqual(Object.fromEntries(conditions), {
      'roles/storage.objectCreator': uploads,
      // With a look at the names in the bucket, without which Google does not say that an upload is not there.
      'roles/storage.objectViewer': `${uploads} || resource.name == "${bucket}"`,
    });
    const readers = (id: string) => held(`${P}/secrets/every-cut-${id}`).map((line) => line.split(' ')[1]);
    assert.deepEqual(readers('elevenlabs-voices-key'), [own('api')]);
    assert.deepEqual(readers('api-key'), [own('api')]);
    assert.deepEqual(readers('elevenlabs-api-key'), [own('prepare')]);
    assert.deepEqual(readers('signing-key'), [own('api'), own('render'), own('webhook')]);
    assert.deepEqual(readers('webhook-secret'), [own('webhook')]);
    const creators = (id: string) =>
      held(`${P}/serviceAccounts/${accountOf(id)}`).filter((line) => line.includes('TokenCreator'));
    assert.deepEqual(creators('push'), [`roles/iam.serviceAccountTokenCreator ${AGENT}`]);
    // For an identity token of its own, which Cloud Build gets in no other way.
    assert.deepEqual(creators('deploy'), [`roles/iam.serviceAccountTokenCreator ${own('deploy')}`]);
    // It signs the addresses for uploads.
    assert.deepEqual(creators('api'), [`roles/iam.serviceAccountTokenCreator ${own('api')}`]);
    for (const id of ['prepare', 'render', 'webhook', 'build']) assert.deepEqual(creators(id), [], id);
    assert.deepEqual(
      held(P).filter((line) => !line.endsWith(own('deploy')) && !line.includes(own('build'))),
      ['api', 'prepare', 'render', 'webhook'].map((id) => `roles/datastore.user ${own(id)}`),
    );
    assert.ok(!held(P).some((line) => /roles\/(owner|editor|viewer) /.test(line)));
    assert.ok(!held(P).some((line) => line.includes(own('push'))));
    assert.deepEqual(
      held(P).filter((line) => line.includes(own('build'))),
      [
        `roles/logging.logWriter ${own('build')}`,
        `roles/storage.objectViewer ${own('build')} function-sources`,
      ],
    );
    assert.deepEqual(held(`${PLACE}/repositories/every-cut`), [
      `roles/artifactregistry.writer ${own('build')}`,
    ]);
  });

  test('does not change when it is set up a second time', async () => {
    const { code, output } = await changesNothing('infra/cloud/setup.sh', [], await settingsWith(CORS));
    assert.equal(code, 0, output);
  });

  test('is watched by metrics, a dashboard and alert policies, which reach nobody without an address', async () => {
    const { store } = rehearsal.apis;
    const declared = readMonitoring(100_000);
    const names = store.list(`${P}/metrics`).map(({ name }) => name);
    assert.deepEqual(
      names,
      declared.metrics.map(({ name }) => name),
    );
    assert.equal(store.get(`${P}/dashboards/every-cut`)['displayName'], 'Every Cut');
    assert.deepEqual(
      policies().map(({ displayName }) => displayName),
      declared.policies.map(({ displayName }) => displayName),
    );
    assert.match(
      policy('speech-spending').conditions[0]?.conditionPrometheusQueryLanguage?.query ?? '',
      /> 100000$/,
    );
    assert.deepEqual(channels(), []);
    for (const { notificationChannels = [] } of policies()) assert.deepEqual(notificationChannels, []);
    const script = ['infra/cloud/monitoring.ts', PROJECT];
    assert.match(
      (await changesNothing(process.execPath, script)).output,
      /the alerts reach nobody. Set ALERT_EMAIL/,
    );
  });

  test('tells the address of ALERT_EMAIL, and may send traces and metrics to Google, once it is set up for that', async () => {
    const { store } = rehearsal.apis;
    const names = () =>
      policies().flatMap(({ name, conditions }) => [name, ...conditions.map((one) => one.name)]);
    const before = { names: names(), made: rehearsal.apis.changes().length, roles: held(P) };
    const endpoint = 'OTEL_EXPORTER_OTLP_ENDPOINT=https://telemetry.googleapis.com';
    settings = await settingsWith(
      `ALERT_EMAIL=ops@example.com\nALERT_CHARACTERS_PER_DAY=5000\n${endpoint}`,
      'watched.env',
    );
    const output = await succeeds('infra/cloud/setup.sh', [], await settingsWith(CORS));
    assert.doesNotMatch(output, /reach nobody/);

    const [channel, ...others] = channels();
    assert.deepEqual(
      [channel?.['type'], channel?.['labels'], others],
      ['email', { email_address: 'ops@example.com' }, []],
    );
    for (const { notificationChannels } of policies())
      assert.deepEqual(notificationChannels, [channel?.['name']]);
    assert.match(
      policy('speech-spending').conditions[0]?.conditionPrometheusQueryLanguage?.query ?? '',
      /> 5000$/,
    );
    assert.deepEqual(names(), before.names, 'no policy and no condition is made anew');

    for (const api of ['telemetry', 'cloudtrace'])
      assert.ok(store.find(`${P}/services/${api}.googleapis.com`), api);
    const roles = ['telemetry.tracesWriter', 'telemetry.metricsWriter', 'serviceusage.serviceUsageConsumer'];
    assert.deepEqual(
      held(P).filter((line) => !before.roles.includes(line)),
      ['api', 'prepare', 'render', 'webhook']
        .flatMap((id) => roles.map((role) => `roles/${role} ${own(id)}`))
        .sort(),
    );
    const changed = rehearsal.apis
      .changes()
      .slice(before.made)
      .filter(({ api }) => api === 'monitoring' || api === 'logging');
    const kinds = changed.map(({ method, path }) => `${method} ${path.replace(/\d{5,}$/, '…')}`);
    assert.deepEqual(
      [...new Set(kinds)],
      [`POST v3/${P}/notificationChannels`, `PATCH v3/${P}/alertPolicies/…`],
    );
  });

  test('repairs what is watched, and leaves alone what was decided in the console', async () => {
    const { store } = rehearsal.apis;
    const script = ['infra/cloud/monitoring.ts', PROJECT, 'ops@example.com', '5000'];
    assert.equal((await changesNothing(process.execPath, script)).code, 0);

    const [channel] = channels() as [Resource];
    const theirs = `${P}/notificationChannels/pager`;
    store.create(theirs, { name: theirs, type: 'pagerduty', labels: {}, userLabels: {} });
    const foreign = `${P}/alertPolicies/foreign`;
    store.create(foreign, { name: foreign, displayName: 'of somebody else', userLabels: {}, conditions: [] });
    const queue = policy('queue-old');
    const whole = structuredClone(queue);
    const { conditions } = structuredClone(queue) as unknown as {
      conditions: { conditionThreshold: object }[];
    };
    Object.assign(conditions[0]?.conditionThreshold ?? {}, { thresholdValue: 60 });
    store.update(queue.name, { conditions, enabled: false, notificationChannels: [theirs] }, undefined);
    const copy = `${P}/alertPolicies/1`;
    store.create(copy, { ...structuredClone(policy('dead-letters')), name: copy } as unknown as Resource);
    const old = `${P}/alertPolicies/2`;
    store.create(old, {
      ...structuredClone(whole),
      name: old,
      userLabels: { 'every-cut': 'no-longer' },
    } as unknown as Resource);
    store.update(`${P}/metrics/every_cut_errors`, { filter: 'severity>=WARNING' }, undefined);
    const dashboard = `${P}/dashboards/every-cut`;
    store.update(dashboard, { displayName: 'Mine' }, undefined);
    await succeeds(process.execPath, script);
    assert.deepEqual(policy('queue-old'), {
      ...whole,
      enabled: false,
      notificationChannels: [theirs, channel['name']],
    });
    assert.deepEqual(
      [store.find(copy) ?? store.find(old), policy('dead-letters').enabled],
      [undefined, true],
    );
    assert.match(String(store.get(`${P}/metrics/every_cut_errors`)['filter']), /severity>=ERROR/);
    assert.equal(store.get(dashboard)['displayName'], 'Every Cut');
    assert.equal((await changesNothing(process.execPath, script)).code, 0);

    await succeeds(process.execPath, ['infra/cloud/monitoring.ts', PROJECT]);
    assert.deepEqual(
      channels().map(({ name }) => name),
      [theirs],
    );
    assert.deepEqual(
      [policy('queue-old').notificationChannels, policy('task-stuck').notificationChannels],
      [[theirs], []],
    );
    for (const [wrong, message] of [
      [['ops', '5000'], /Expected ALERT_EMAIL to be one address, got ops\./],
      [['', '5,000'], /Expected ALERT_CHARACTERS_PER_DAY to be a whole number from 1, got 5,000\./],
    ] as const) {
      const { code, output } = await changesNothing(process.execPath, [
        'infra/cloud/monitoring.ts',
        PROJECT,
        ...wrong,
      ]);
      assert.equal(code, 1);
      assert.match(output, message);
      assert.doesNotMatch(output, / at /, 'without a stack');
    }
    store.remove(theirs);
    store.remove(foreign);
    store.update(queue.name, { enabled: true, notificationChannels: [] }, undefined);
    await succeeds(process.execPath, script);
  });

  test('is refused by Google where a file has a field that there is not', async () => {
    const { store } = rehearsal.apis;
    const [metric] = store.list(`${P}/metrics`) as [Resource];
    const asked = {
      method: 'PUT',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ya29.owner' },
    };
    const path = `${rehearsal.apis.environment['CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING']}v2/${P}/metrics/${metric['name']}`;
    for (const [change, message] of [
      [{ filters: '' }, /Unknown name "filters" at 'LogMetric'/],
      [{ metricDescriptor: { unit: 1 } }, /Invalid value at 'LogMetric\.metricDescriptor\.unit'/],
      [
        { metricDescriptor: { metricKind: 'COUNTER' } },
        /Invalid value at 'LogMetric\.metricDescriptor\.metricKind'/,
      ],
    ] as const) {
      const answer = await fetch(path, { ...asked, body: JSON.stringify({ ...metric, ...change }) });
      assert.equal(answer.status, 400);
      const { error } = (await answer.json()) as { error: { message: string } };
      assert.match(error.message, message);
    }
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
      ['WEBHOOK_SECRET=sk_0123456789', /expected no secrets, got WEBHOOK_SECRET/],
      ['OTEL_EXPORTER_OTLP_HEADERS=key=sk_0123456789', /expected no secrets, got OTEL_EXPORTER_OTLP_HEADERS/],
      ['PUSH_ACCOUNT=me@example.com', /expected no PUSH_ACCOUNT/],
      ['PUSH_IAM=enforced', /expected no PUSH_IAM/],
      ['PREPARE_INSTANCES=0', /expected PREPARE_INSTANCES to be a whole number from 1, got 0/],
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

  test('is not deployed into a project that an earlier version set up, which lacks rights', async () => {
    const { store } = rehearsal.apis;
    const topic = `${P}/topics/every-cut-webhook`;
    const { bindings } = store.policy(topic);
    const earlier = bindings.map((binding) => ({
      ...binding,
      members: binding.members.filter((member) => member !== own('api')),
    }));
    store.setPolicy(topic, { bindings: earlier });
    const { code, output } = await changesNothing('infra/cloud/deploy.sh');
    assert.equal(code, 1);
    assert.match(output, /every-cut-api@.* to publish to every-cut-webhook, got no such right/);
    assert.match(output, /Next step: run infra\/cloud\/setup\.sh as an owner/);
    store.setPolicy(topic, { bindings });

    const project = store.policy(P).bindings;
    const silent = project.filter(({ role }) => role !== 'roles/telemetry.tracesWriter');
    store.setPolicy(P, { bindings: silent });
    const mute = await changesNothing('infra/cloud/deploy.sh');
    assert.equal(mute.code, 1);
    assert.match(
      mute.output,
      /Expected .*every-cut-api@.* to have roles\/telemetry\.tracesWriter, so that it may send/,
    );
    store.setPolicy(P, { bindings: project });
  });

  test('is built from cloudbuild.yaml on the default machine: test, deploy, subscribe, smoke', async () => {
    const submit = [
      ...['builds', 'submit', '--config=cloudbuild.yaml', '--async', `--project=${PROJECT}`],
      ...['--ignore-file=infra/cloud/build.gcloudignore', `--region=${REGION}`],
      ...[
        `--service-account=${P}/serviceAccounts/${accountOf('deploy')}`,
        `--substitutions=_REGION=${REGION}`,
      ],
      `--gcs-source-staging-dir=gs://${PROJECT}-every-cut-cache/source`,
    ];
    await succeeds('gcloud', submit);
    [build] = rehearsal.apis.store.list(`${PLACE}/builds`) as unknown as [Build];
    assert.deepEqual(
      build.steps.map(({ id }) => id),
      ['node', 'test', 'deploy', 'subscribe', 'smoke'],
    );
    // The tests of every change, in an image with the emulators.
    assert.match(build.steps[1]?.script ?? '', /^\.ci\/run$/m);
    assert.match(build.steps[1]?.name ?? '', /google-cloud-cli:emulators$/);
    // Its containers forbid the cage; everywhere else, a broken one fails.
    assert.deepEqual(
      build.steps.map(({ env }) => env),
      [undefined, ['CAGE_OPTIONAL=1'], undefined, undefined, undefined],
    );
    const { code, output } = await run('gcloud', [...submit, '--machine-type=e2-highcpu-8']);
    assert.equal(code, 1);
    assert.match(output, /quota restrictions/, 'a larger machine is a matter of the quota');
  });

  test('deploys seven functions, none of them public', async () => {
    assert.match(
      await step('deploy'),
      new RegExp(`answers at ${OTHER_URL} as well\\. .* run infra/cloud/setup\\.sh`),
    );
    const facts = (id: string) => {
      const { buildConfig, serviceConfig: config } = deployedAs(id);
      return [
        ...[buildConfig.runtime, buildConfig.entryPoint, config.serviceAccountEmail.split('@')[0]],
        ...[config.availableMemory, config.availableCpu, config.maxInstanceRequestConcurrency],
        ...[config.timeoutSeconds, config.maxInstanceCount, config.ingressSettings],
      ].join(' ');
    };
    assert.deepEqual(Object.fromEntries(['process-media', ...STAGES].map((id) => [id, facts(id)])), {
      'process-media': 'nodejs24 processMedia every-cut-api 512Mi 1 80 3600 1 ALLOW_ALL',
      prepare: 'nodejs24 prepare every-cut-prepare 4Gi 2 1 600 6 ALLOW_INTERNAL_ONLY',
      render: 'nodejs24 render every-cut-render 2Gi 1 4 600 5 ALLOW_INTERNAL_ONLY',
      complete: 'nodejs24 complete every-cut-render 512Mi 333m 1 600 1 ALLOW_INTERNAL_ONLY',
      'dead-letter': 'nodejs24 deadLetter every-cut-render 512Mi 333m 1 600 1 ALLOW_INTERNAL_ONLY',
      sweep: 'nodejs24 sweep every-cut-render 512Mi 333m 1 300 1 ALLOW_INTERNAL_ONLY',
      webhook: 'nodejs24 webhook every-cut-webhook 512Mi 1 80 60 1 ALLOW_INTERNAL_ONLY',
    });
    for (const id of ['process-media', ...STAGES]) {
      assert.deepEqual(invokers(id), [], id);
      assert.equal(deployedAs(id).buildConfig.serviceAccount, `${P}/serviceAccounts/${accountOf('build')}`);
      assert.deepEqual(secretsOf(id), KEYS[id] ?? ['SIGNING_KEY:1'], 'no other secret has a value yet');
    }
  });

  test('lets its page upload from each of its addresses, once these are known', async () => {
    const publicUrl = 'PUBLIC_URL=https://ads.example.com/made/';
    await succeeds('infra/cloud/setup.sh', [], await settingsWith(`${CORS}\n${publicUrl}`));
    const { cors } = rehearsal.apis.store.get(CACHE) as { cors: { origin: string[] }[] };
    const listed = ['https://app.example.com', 'https://other.example.com'];
    assert.deepEqual(
      cors.map(({ origin }) => origin),
      [[...listed, url('process-media'), 'https://ads.example.com', OTHER_URL]],
    );
  });

  test('runs ffmpeg where limits on its memory bind, and lets only stages that nobody else may call take unsigned tokens', () => {
    const seen = ['process-media', ...STAGES].map((id) => [id, generationOf(id), pushIam(id), isChecked(id)]);
    assert.deepEqual(seen, [
      ['process-media', undefined, undefined, true],
      ['prepare', 'gen2', 'enforced', true],
      ['render', 'gen2', 'enforced', true],
      ...['complete', 'dead-letter', 'sweep', 'webhook'].map((id) => [id, undefined, 'enforced', true]),
    ]);
  });

  test('says what to do where the region does not have what the functions may use', async () => {
    const before = deployedAs('prepare');
    // As if somebody had deployed a stage in another way.
    service('render').spec.template.metadata.annotations = {};
    const { env } = service('render').spec.template.spec.containers[0] ?? {};
    env?.splice(0, env.length, ...env.filter(({ name }) => name !== 'PUSH_IAM'));
    assert.deepEqual([generationOf('render'), pushIam('render')], [undefined, undefined]);
    const { code, output } = await run(
      'infra/cloud/deploy.sh',
      [],
      await settingsWith('PREPARE_INSTANCES=50'),
    );
    assert.equal(code, 1);
    assert.match(output, /Quota violated: CpuAllocPerProjectRegion requested: \d+ allowed: 20000/);
    assert.match(output, /Next step: lower PREPARE_INSTANCES.*infra\/README\.md, Quotas/);
    assert.match(output, /Expected all functions to be deployed, got errors for prepare \(above\)/);
    assert.deepEqual(deployedAs('prepare'), before);
    assert.deepEqual([generationOf('render'), pushIam('render')], ['gen2', 'enforced'], 'the others are set');
    assert.equal(pushIam('sweep'), 'enforced');
  });

  test('uploads what the functions are built from, and nothing else', () => {
    for (const archive of rehearsal.apis.uploads.filter(
      (bytes) => bytes.subarray(0, 2).toString() === 'PK',
    )) {
      const files = [...unzip(archive).keys()];
      assert.ok(files.includes('package.json') && files.includes('functions/index.ts'));
      assert.deepEqual(files.filter((name) => !name.startsWith('functions/')).sort(), [
        ...['infra/build/build.ts', 'infra/build/check-node.cjs', 'infra/build/compile.ts'],
        ...['infra/build/prune.ts', 'infra/build/tsconfig.build.json', 'infra/build/tsconfig.page.json'],
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
    const before = rehearsal.apis.calls.length;
    await step('subscribe', { CALLERS: 'user:someone@example.com' });
    const described = rehearsal.apis.calls.slice(before).filter(({ path }) => path === `v1/${P}`);
    assert.deepEqual(described, [], 'Cloud Build hands in the number of the project');
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
    // Whatever the settings hold.
    service('sweep').spec.template.spec.containers[0]?.env.push({ name: 'VOICE', value: 'a|b;c' });
    assert.equal((await changesNothing('infra/cloud/deploy.sh')).code, 0);
    assert.equal(
      (await changesNothing('infra/cloud/subscribe.sh', [], { CALLERS: 'user:someone@example.com' })).code,
      0,
    );
  });

  test('is not deployed while a service sends its traffic elsewhere, because that would not reach what serves', async () => {
    const { store } = rehearsal.apis;
    const { spec } = service('complete');
    const rolledBack = [{ percent: 100, revisionName: 'every-cut-complete-00001' }];
    const split = [
      { percent: 50, latestRevision: true },
      ...rolledBack.map((to) => ({ ...to, percent: 50 })),
    ];
    for (const traffic of [rolledBack, split]) {
      store.update(serviceOf('complete'), { spec: { ...spec, traffic } }, undefined);
      const { code, output } = await changesNothing('infra/cloud/deploy.sh');
      assert.equal(code, 1);
      assert.match(output, /Expected every-cut-complete to send all its traffic to its latest revision/);
      assert.match(output, /Next step: gcloud run services update-traffic every-cut-complete --to-latest/);
    }
    const tagged = [
      { percent: 100, latestRevision: true },
      { percent: 0, revisionName: 'every-cut-complete-00001', tag: 'before' },
    ];
    store.update(serviceOf('complete'), { spec: { ...spec, traffic: tagged } }, undefined);
    assert.equal((await changesNothing('infra/cloud/deploy.sh')).code, 0);
    store.update(serviceOf('complete'), { spec }, undefined);
  });

  test('takes unsigned tokens no longer once others may call a stage, and repairs the check of callers', async () => {
    const { store } = rehearsal.apis;
    const render = `${PLACE}/services/every-cut-render`;
    const others = [{ role: 'roles/run.invoker', members: [own('push'), 'user:else@example.com'] }];
    const viewers = [
      { role: 'roles/run.invoker', members: [own('push')] },
      { role: 'roles/run.viewer', members: ['user:else@example.com'] },
    ];
    store.setPolicy(`${PLACE}/services/every-cut-complete`, { bindings: viewers });
    store.setPolicy(render, { bindings: others });
    const { metadata } = service('sweep');
    const annotations = { ...metadata.annotations, 'run.googleapis.com/invoker-iam-disabled': 'true' };
    store.update(serviceOf('sweep'), { metadata: { ...metadata, annotations } }, undefined);
    const output = await succeeds('infra/cloud/deploy.sh');
    assert.match(output, /every-cut-render: takes only signed tokens.* user:else@example\.com/);
    assert.deepEqual([pushIam('render'), pushIam('prepare')], [undefined, 'enforced']);
    assert.equal(pushIam('complete'), 'enforced', 'who may only look is no caller');
    assert.deepEqual([isChecked('sweep'), pushIam('sweep')], [true, 'enforced']);

    for (const id of ['render', 'complete']) {
      const bindings = [{ role: 'roles/run.invoker', members: [own('push')] }];
      store.setPolicy(`${PLACE}/services/every-cut-${id}`, { bindings });
    }
    const { bindings } = store.policy(P);
    const everywhere = { role: 'roles/run.invoker', members: ['group:all@example.com'] };
    store.setPolicy(P, { bindings: [...bindings, everywhere] });
    await succeeds('infra/cloud/deploy.sh');
    assert.deepEqual(
      STAGES.map(pushIam),
      STAGES.map(() => undefined),
      'who may call all services',
    );

    // Whoever may not read the policy does not know who may call.
    const unread = bindings.filter(({ role }) => role !== 'roles/browser');
    store.setPolicy(P, { bindings: unread });
    assert.match(await step('deploy'), /takes only signed tokens.*the policy of the project cannot be read/);
    assert.deepEqual(
      STAGES.map(pushIam),
      STAGES.map(() => undefined),
    );

    store.setPolicy(P, { bindings });
    await step('deploy');
    assert.deepEqual(
      STAGES.map(pushIam),
      STAGES.map(() => 'enforced'),
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
    let ready = true;
    const bodies: Record<string, string> = {
      '/process_media': '{"renders":[]}',
      '/ready': '{"status":"ready"}',
      '/openapi.json': '{"openapi":"3.1.0"}',
    };
    // Checks the caller's identity, as Cloud Run does in front of a function.
    const frontEnd = createServer((request, response) => {
      const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
      const isAllowed = open || token === 'an-identity' || isOfDeploy(token);
      const body = bodies[request.url ?? ''];
      if (!isAllowed) response.writeHead(403).end('Forbidden');
      else if (request.url === '/ready' && !ready) response.writeHead(503).end('{"status":"not_ready"}');
      else response.writeHead(body === undefined ? 404 : 200).end(body);
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
      // Cloud Build has no credentials but its account's: it gets a token by impersonating itself.
      const tried = await step('smoke', Object.fromEntries(addresses));
      for (const what of ["a task's plan", 'that it is ready', 'the description of the API'])
        assert.ok(tried.includes(`With credentials: 200 and ${what}`), what);
      assert.match(tried, /sweep, called by Cloud Scheduler: accepted, as expected/);
      const job = `${PLACE}/jobs/every-cut-sweep`;
      rehearsal.apis.store.update(job, { status: { code: 16 } }, undefined);
      const refused = await run('infra/cloud/smoke.sh', [], env);
      assert.match(
        refused.output,
        /Expected the function sweep to accept the call from Cloud Scheduler, got status 16/,
      );
      rehearsal.apis.store.update(job, { status: {} }, undefined);
      ready = false;
      const unready = await run('infra/cloud/smoke.sh', [], env);
      assert.equal(unready.code, 1);
      assert.match(unready.output, /Expected that it is ready from .*\/ready, got 503: .*not_ready/);
      ready = true;
      open = true;
      const { code, output } = await run('infra/cloud/smoke.sh', [], env);
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
    for (const id of ['api-key', 'elevenlabs-api-key', 'elevenlabs-voices-key']) {
      const name = `${P}/secrets/every-cut-${id}/versions/1`;
      store.create(name, { name, state: 'ENABLED', createTime: '2026-01-01T00:00:00Z' });
    }
    await succeeds('infra/cloud/deploy.sh', ['--public']);
    assert.deepEqual(['prepare', 'render'].map(generationOf), ['gen2', 'gen2'], 'after each deployment');
    assert.deepEqual(
      STAGES.map(pushIam),
      STAGES.map(() => 'enforced'),
    );
    assert.deepEqual(secretsOf('process-media').sort(), [
      'API_KEY:1',
      'ELEVENLABS_VOICES_KEY:1',
      'SIGNING_KEY:1',
    ]);
    assert.deepEqual(secretsOf('prepare'), ['ELEVENLABS_API_KEY:1']);
    for (const id of ['render', 'complete', 'dead-letter', 'sweep', 'webhook'])
      assert.deepEqual(secretsOf(id).sort(), KEYS[id] ?? ['SIGNING_KEY:1'], id);
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
        ...(id === 'webhook' ? { WEBHOOK_SECRET: `whsec_${'A'.repeat(43)}=` } : {}),
        K_SERVICE: `every-cut-${id}`,
        FUNCTION_TARGET: buildConfig.entryPoint,
      });
      assert.equal(config.vendors.output.kind, 'gcs');
      assert.ok(config.vendors.elevenLabs, `${id} has a voice vendor`);
      assert.equal(serviceConfig.environmentVariables['ELEVENLABS_VOICE_SETTINGS'], VOICE_SETTINGS);
      const { OTEL_EXPORTER_OTLP_ENDPOINT } = serviceConfig.environmentVariables;
      assert.equal(OTEL_EXPORTER_OTLP_ENDPOINT, 'https://telemetry.googleapis.com');
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

  test('is opened in another way where the organisation forbids access for everyone, and only that function', async () => {
    const { store } = rehearsal.apis;
    store.create('restricted', {});
    const { code, output } = await run('infra/cloud/deploy.sh', ['--public']);
    assert.equal(code, 1);
    assert.match(output, /permitted customer/);
    assert.match(output, /Next step: infra\/cloud\/deploy\.sh --public --no-invoker-iam-check/);
    assert.equal(isChecked('process-media'), true);

    const alone = await changesNothing('infra/cloud/deploy.sh', ['--no-invoker-iam-check']);
    assert.match(alone.output, /Expected --no-invoker-iam-check only with --public/);

    store.create('checked', {});
    const forbidden = await run('infra/cloud/deploy.sh', ['--public', '--no-invoker-iam-check']);
    assert.equal(forbidden.code, 1);
    assert.match(
      forbidden.output,
      /An organisation can forbid it.*run\.managed\.requireInvokerIam\)\. Next step: ask/s,
    );
    store.remove('checked');

    await step('deploy', { PUBLIC: 'unchecked' });
    assert.equal(isChecked('process-media'), false);
    for (const id of STAGES) assert.equal(isChecked(id), true, id);
    const before = rehearsal.apis.changes().length;
    await succeeds('infra/cloud/deploy.sh');
    assert.equal(isChecked('process-media'), true);
    const changed = rehearsal.apis.changes().slice(before);
    const at = (method: string, path: string) =>
      changed.findIndex((call) => call.method === method && call.path.endsWith(path));
    const deployment = at('PATCH', 'functions/every-cut-process-media');
    const closed = at('PUT', 'services/every-cut-process-media');
    assert.ok(closed >= 0 && closed < deployment, 'closed before it is deployed');
    store.remove('restricted');
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
      ...['metrics', 'dashboards', 'alertPolicies', 'notificationChannels'].map((kind) => `${P}/${kind}`),
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
        .replace(/fields\/.*|every-cut[^/:]*|(?<=metrics\/).*|\d{6,}/g, '…');
      counts.set(`${method} ${api} ${kind}`, (counts.get(`${method} ${api} ${kind}`) ?? 0) + 1);
    }
    t.diagnostic(`${rehearsal.apis.calls.length} calls, ${rehearsal.apis.changes().length} of them changes:`);
    for (const [call, count] of counts) t.diagnostic(`${String(count).padStart(4)} ${call}`);
  });
});
