/** infra/cloud/monitoring/: what its files name exists, and Google would take them. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { CODES } from '../../functions/base/codes.ts';
import { STAGES } from '../../functions/base/errors.ts';
import { readMonitoring } from '../../infra/cloud/monitoring-files.ts';
import { SUBSCRIPTIONS } from '../../infra/cloud/topology.ts';
import { knownMetrics } from '../fixtures/gcloud/metric-queries.ts';
import {
  checkAlertPolicy,
  checkDashboard,
  checkLogMetric,
  type Policy,
} from '../fixtures/gcloud/monitoring-checks.ts';
import { Refusal } from '../fixtures/gcloud/store.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const { metrics, policies, dashboard } = readMonitoring(1_234);
const operations = read('infra/OPERATIONS.md');
/** In a project where the metrics were made a moment ago. */
const known = { metrics: knownMetrics(metrics), isNew: (type: string) => type.includes('/user/') };

/** The events that a filter of the log chooses. */
const eventsOf = (filter: string) =>
  [...filter.matchAll(/jsonPayload\.event=(?:"([^"]+)"|\(([^)]+)\))/g)].flatMap(([, one, several = '']) =>
    one === undefined ? [...several.matchAll(/"([^"]+)"/g)].map(([, event]) => event as string) : [one],
  );

describe('log-based metrics', () => {
  const names = [...read('functions/base/log.ts').matchAll(/^ {2}\| '([a-z_.]+)'/gm)].map(
    ([, event]) => event,
  );
  const sources = globSync('functions/**/*.ts', { cwd: ROOT }).map(read);

  test('are named like their files', () => {
    const files = globSync('infra/cloud/monitoring/metrics/*.yaml', { cwd: ROOT }).map(
      (file) => /(\w+)\.yaml$/.exec(file)?.[1],
    );
    assert.deepEqual(
      metrics.map(({ name }) => name),
      files.sort(),
    );
    assert.ok(files.length >= 15);
  });

  for (const metric of metrics) {
    const { name, filter, valueExtractor = '', labelExtractors = {} } = metric;

    test(`${name} counts lines of the functions that are written, with fields that they have`, () => {
      assert.match(
        filter,
        /^resource\.type="cloud_run_revision" AND resource\.labels\.service_name=~"\^every-cut-"\s+AND/,
      );
      const events = eventsOf(filter);
      assert.ok(events.length > 0 || /severity>=ERROR/.test(filter));
      for (const event of events) {
        assert.ok(names.includes(event), event);
        // What is only written for debugging is not counted in the cloud.
        const severity = new RegExp(`^\\| \`${event}\` \\| ([A-Z, ]+) \\|`, 'm').exec(operations)?.[1] ?? '';
        assert.ok(
          severity.split(', ').some((one) => one !== 'DEBUG'),
          `${event}: ${severity}`,
        );
        const writers = sources.filter((text) => text.includes(`event: '${event}'`));
        assert.ok(writers.length > 0, event);
        for (const extractor of [valueExtractor, ...Object.values(labelExtractors)].filter(Boolean)) {
          const [field = '', part] =
            /^EXTRACT\(jsonPayload\.([\w.]+)\)$/.exec(extractor)?.[1]?.split('.') ?? [];
          const isWritten = writers.some((text) => new RegExp(`\\b${field}(:|,| [})])`).test(text));
          assert.ok(isWritten, `${event} has ${field}`);
          if (field === 'stage_seconds')
            assert.ok((STAGES as readonly (string | undefined)[]).includes(part), extractor);
          else if (part !== undefined) assert.deepEqual([field, part], ['failure', 'code']);
        }
      }
    });

    test(`${name} is one that Google takes`, () => checkLogMetric(metric, undefined));
  }
});

describe('alert policies', () => {
  const ids = policies.map(({ userLabels }) => userLabels['every-cut']);

  test('are one for each file, each with a name of its own', () => {
    const files = globSync('infra/cloud/monitoring/policies/*.yaml', { cwd: ROOT }).map(
      (file) => /([\w-]+)\.yaml$/.exec(file)?.[1],
    );
    assert.deepEqual(ids, files.sort());
    assert.equal(new Set(policies.map(({ displayName }) => displayName)).size, policies.length);
  });

  for (const policy of policies) {
    test(`${policy.displayName} is one that Google takes, in a project with new metrics`, () =>
      checkAlertPolicy(policy as Policy, known));

    test(`${policy.displayName} leads to what is to be done`, () => {
      const [heading = ''] = /(?<=^Every Cut: )\w+/.exec(policy.displayName) ?? [];
      assert.match(
        policy.documentation.content,
        new RegExp(`\`infra/OPERATIONS\\.md\`, heading \\*\\*${heading}\\*\\*`),
      );
      assert.match(operations, new RegExp(`^### ${heading}$`, 'm'));
    });
  }

  test('name subscriptions, events and codes that there are', () => {
    const text = JSON.stringify(policies);
    const subscriptions = SUBSCRIPTIONS.map(({ name }) => name);
    for (const [name] of text.matchAll(/every-cut-[a-z-]+-push/g))
      assert.ok(subscriptions.includes(name), name);
    const [, codes = ''] = /code=~\\"([a-z_|]+)\\"/.exec(JSON.stringify(text.replaceAll('\\', ''))) ?? [];
    assert.ok(codes.length > 0);
    for (const code of codes.split('|')) assert.ok(code in CODES, code);
    for (const [, event = ''] of text.replaceAll('\\', '').matchAll(/event="([a-z_.]+)"/g)) {
      const counted = metrics.some(({ filter }) => eventsOf(filter).includes(event));
      assert.ok(counted, event);
    }
    const filters = policies.flatMap(({ conditions }) =>
      conditions.map((one) => one.conditionMatchedLog?.filter ?? ''),
    );
    const chosen = filters.flatMap(eventsOf);
    assert.ok(chosen.length > 0);
    for (const event of chosen)
      assert.ok(
        metrics.some(({ filter }) => eventsOf(filter).includes(event)),
        event,
      );
  });

  test('are those that are wished for', () => {
    const headings = new Set(policies.map(({ displayName }) => /: (\w+)/.exec(displayName)?.[1]));
    assert.deepEqual([...headings].sort(), [
      ...['DeadLetters', 'ErrorsLogged', 'QueueOld', 'QuotaNear', 'RendersFailing', 'SpeechSpending'],
      ...['TaskStuck', 'WebhooksFailing', 'WorkRepeated'],
    ]);
  });
});

test('the dashboard is one that Google takes, and shows every log-based metric', () => {
  checkDashboard(dashboard, known);
  const text = JSON.stringify(dashboard);
  for (const { name } of metrics)
    if (name !== 'every_cut_task_videos') assert.ok(text.includes(`user_${name}`), name);
});

describe('the checks that stand in for those of Google', () => {
  type Wrong = readonly (readonly [
    what: string,
    id: string,
    from: string | RegExp,
    to: string,
    why: RegExp,
  ])[];

  /** Changes one place of what is accepted. */
  function changed<T>(accepted: T, from: string | RegExp, to: string): T {
    const text = JSON.stringify(accepted);
    assert.notEqual(text.replace(from, to), text, String(from));
    return JSON.parse(text.replace(from, to)) as T;
  }
  const refuses = (why: RegExp) => (error: unknown) => error instanceof Refusal && why.test(error.message);

  const PERIOD = '"alignmentPeriod":"300s"';
  const DURATION = '"duration":"300s"';
  const WEBHOOKS = 'webhooks-failing';
  const SPEECH = 'speech-spending';
  const WRONG_POLICIES: Wrong = [
    ['no combiner', 'queue-old', '"combiner":"OR",', '', /^combiner/],
    ['no condition', 'queue-old', /"conditions":\[.*\],/, '"conditions":[],', /^One to six conditions/],
    [
      'a condition without a name',
      'queue-old',
      '"Oldest message over an hour"',
      '""',
      /^One condition subtype/,
    ],
    ['an unknown metric', 'queue-old', 'oldest_unacked_', 'oldest_', /^Cannot find metric\(s\)/],
    ['no resource type', 'queue-old', 'AND resource.type', 'AND resource.name', /must specify/],
    [
      'another resource',
      'queue-old',
      '"pubsub_subscription',
      '"cloud_run_revision',
      /has no resource cloud_run/,
    ],
    [
      'an unknown label',
      'queue-old',
      '["resource.labels.subscription_id',
      '["resource.labels.topic',
      /no .*topic/,
    ],
    ['a period under a minute', 'queue-old', PERIOD, '"alignmentPeriod":"30s"', /^alignment_period: 30s/],
    [
      'a period over 25 hours',
      'queue-old',
      PERIOD,
      '"alignmentPeriod":"90060s"',
      /^alignment_period: 90060s/,
    ],
    [
      'the aligner of another kind',
      'queue-old',
      'ALIGN_MAX',
      'ALIGN_DELTA',
      /^ALIGN_DELTA cannot be applied/,
    ],
    [
      'a duration of a minute and a half',
      'queue-old',
      DURATION,
      '"duration":"90s"',
      /^duration must be a multiple/,
    ],
    ['a duration in minutes', 'queue-old', DURATION, '"duration":"5m"', /^Invalid duration: 5m/],
    ['a comparison that is not offered', 'queue-old', 'COMPARISON_GT', 'COMPARISON_GE', /^comparison/],
    ['a label in upper case', 'queue-old', '"queue-old"', '"QueueOld"', /^user_labels/],
    ['documentation without its kind', 'queue-old', '"mimeType":"text/markdown",', '', /^documentation/],
    ['incidents that end at once', 'queue-old', '"autoClose":"3600s"', '"autoClose":"60s"', /^auto_close/],
    [
      'a rate limit and no log',
      'queue-old',
      '"autoClose"',
      '"notificationRateLimit":{"period":"1s"},"autoClose"',
      /^notification_/,
    ],
    [
      'a log and no rate limit',
      'errors-logged',
      '"notificationRateLimit":{"period":"3600s"},',
      '',
      /^notification_rate_limit/,
    ],
    ['a new metric without saying so', WEBHOOKS, ',"disableMetricValidation":true', '', /up to 10 minutes/],
    [
      'an unknown metric in PromQL',
      WEBHOOKS,
      'every_cut_webhooks',
      'every_cut_hooks',
      /^Cannot find metric\(s\)/,
    ],
    [
      'the sum of a counter',
      WEBHOOKS,
      'every_cut_webhooks',
      'every_cut_webhooks_sum',
      /^Cannot find metric\(s\)/,
    ],
    ['a label that is not extracted', WEBHOOKS, 'by (event)', 'by (receiver)', /has the label receiver/],
    ['a selector that is not extracted', WEBHOOKS, ', event=', ', receiver=', /has no label receiver/],
    ['no monitored resource', SPEECH, /monitored_resource=[^}]*/, '', /needs a monitored_resource/],
    ['a bracket that is not closed', SPEECH, '[24h]))', '[24h])', /^Unclosed \(/],
    [
      'an interval of 45 s',
      SPEECH,
      '"evaluationInterval":"300s"',
      '"evaluationInterval":"45s"',
      /^evaluation_interval/,
    ],
    [
      'two conditions in PromQL',
      SPEECH,
      /"conditions":\[(.*?)\](?=,"alert)/,
      '"conditions":[$1,$1]',
      /one condition in PromQL/,
    ],
  ];
  for (const [what, id, from, to, why] of WRONG_POLICIES) {
    test(`refuse a policy with ${what}`, () => {
      const policy = policies.find(({ userLabels }) => userLabels['every-cut'] === id);
      assert.throws(() => checkAlertPolicy(changed(policy, from, to) as Policy, known), refuses(why));
    });
  }

  const CODE = 'EXTRACT(jsonPayload.failure.code)';
  const WRONG_METRICS: Wrong = [
    ['no filter', 'failures', /"filter":"(?:[^"\\]|\\.)*"/, '"filter":""', /^Invalid filter/],
    ['a quote that is not closed', 'failures', '\\"source.failed\\"', '\\"source.failed', /^Unexpected "/],
    ['a label without an extractor', 'failures', `,"code":"${CODE}"`, '', /^Each label/],
    ['an extractor without a label', 'failures', /,\{"key":"code"[^}]*\}/, '', /^Each label/],
    ['an extractor of nothing', 'failures', CODE, 'jsonPayload.failure.code', /^Invalid extractor/],
    ['values without an extractor', 'render_seconds', /"valueExtractor":"[^"]*",/, '', /^value_extractor/],
    ['a counter with an extractor', 'render_seconds', 'DISTRIBUTION', 'INT64', /^value_extractor/],
    [
      'buckets that do not grow',
      'render_seconds',
      '"growthFactor":1.5',
      '"growthFactor":1',
      /^Invalid buckets/,
    ],
  ];
  const metricOf = (id: string) =>
    metrics.find(({ name }) => name === `every_cut_${id}`) as (typeof metrics)[number];
  for (const [what, id, from, to, why] of WRONG_METRICS) {
    test(`refuse a metric with ${what}`, () => {
      assert.throws(() => checkLogMetric(changed(metricOf(id), from, to), undefined), refuses(why));
    });
  }

  test('refuse fewer labels for a metric that is there', () => {
    const { labelExtractors: _, ...counter } = metricOf('failures');
    const plain = { ...counter, metricDescriptor: { valueType: 'INT64' } };
    assert.throws(() => checkLogMetric(plain, metricOf('failures')), refuses(/cannot be changed/));
    checkLogMetric(metricOf('failures'), plain);
  });

  test('refuse tiles that overlap, and legends without their label', () => {
    const overlapping = changed(dashboard, '"xPos":4,"yPos":1', '"xPos":3,"yPos":1');
    assert.throws(() => checkDashboard(overlapping, known), refuses(/^Tiles overlap/));
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the template of a legend
    const unnamed = changed(dashboard, '${status}', '${state}');
    assert.throws(() => checkDashboard(unnamed, known), refuses(/^No such label/));
  });
});
