/** The alert policies of infra/cloud/monitoring/ in PromQL: they fire on what they are for, as Prometheus evaluates them. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { stringify } from 'yaml';
import { readMonitoring } from '../../infra/cloud/monitoring-files.ts';
import { promtool, WITH_PROMETHEUS } from '../fixtures/prometheus/prometheus.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const CHARACTERS_PER_DAY = 1_234;
const { policies } = readMonitoring(CHARACTERS_PER_DAY);

describe('queries of alert policies', WITH_PROMETHEUS, () => {
  const CLOUD_RUN = 'monitored_resource="cloud_run_revision"';
  const own = (name: string, labels = '') =>
    `logging_googleapis_com:user_every_cut_${name}{${CLOUD_RUN}${labels}}`;
  const pubsub = (name: string, id: string, labels = '') =>
    `pubsub_googleapis_com:subscription_${name}{monitored_resource="pubsub_subscription", subscription_id="every-cut-${id}-push"${labels}}`;
  const quota = (name: string, service: string, labels = '') =>
    `serviceruntime_googleapis_com:quota_${name}{monitored_resource="consumer_quota", service="${service}.googleapis.com", ` +
    `location="europe-west1", quota_metric="${service}/cpu"${labels}}`;
  /** A counter with one value a minute, for a little more than two hours, that grows in that minute only. */
  const at = (minute: number, by = 1) => `0x${minute} ${by}x125`;
  const steadily = '0+1x125';

  /** Each: the policy, what is told, the series, and the labels of the alert after two hours, or none. */
  const CASES: readonly [
    id: string,
    what: string,
    series: Record<string, string>,
    labels?: Record<string, string>,
  ][] = [
    ['task-stuck', 'nothing to do', {}],
    [
      'task-stuck',
      'messages that wait while nothing is done',
      { [pubsub('oldest_unacked_message_age', 'prepare')]: '0+60x125' },
      {},
    ],
    [
      'task-stuck',
      'messages that wait while sources are made ready',
      {
        [pubsub('oldest_unacked_message_age', 'prepare')]: '0+60x125',
        [own('source_seconds_count', ', kind="clip"')]: steadily,
      },
    ],
    [
      'task-stuck',
      'messages that wait while videos fail',
      {
        [pubsub('oldest_unacked_message_age', 'render')]: '0+60x125',
        [own('failures', ', code="mix_failed"')]: steadily,
      },
    ],
    ['task-stuck', 'events that wait', { [pubsub('oldest_unacked_message_age', 'webhook')]: '0+60x125' }],
    ['task-stuck', 'a task without a message and without an end', { [own('tasks_accepted')]: at(45) }, {}],
    ['task-stuck', 'a task that was accepted a moment ago', { [own('tasks_accepted')]: at(110) }],
    [
      'task-stuck',
      'a task that has ended',
      { [own('tasks_accepted')]: at(45), [own('task_seconds_count', ', status="completed"')]: at(60) },
    ],
    [
      'task-stuck',
      'a task that takes long',
      { [own('tasks_accepted')]: at(45), [own('render_seconds_count')]: steadily },
    ],

    [
      'renders-failing',
      'videos that are made',
      { [own('task_videos_sum')]: at(100, 500), [own('task_videos_failed_sum')]: at(100, 0) },
    ],
    [
      'renders-failing',
      'a broken clip of one caller',
      { [own('failures', ', event="source.failed", code="media_unreadable"')]: at(100) },
    ],
    [
      'renders-failing',
      'no credits for speech',
      { [own('failures', ', event="source.failed", code="speech_quota"')]: at(100) },
      { code: 'speech_quota' },
    ],
    [
      'renders-failing',
      'no credits an hour ago',
      { [own('failures', ', event="source.failed", code="speech_quota"')]: at(50) },
    ],
    [
      'renders-failing',
      'a tenth of the videos',
      { [own('task_videos_sum')]: at(100, 100), [own('task_videos_failed_sum')]: at(100, 10) },
    ],
    [
      'renders-failing',
      'both videos of a small task',
      { [own('task_videos_sum')]: at(100, 2), [own('task_videos_failed_sum')]: at(100, 2) },
    ],
    [
      'renders-failing',
      'a third of the videos',
      { [own('task_videos_sum')]: at(100, 100), [own('task_videos_failed_sum')]: at(100, 33) },
      {},
    ],

    [
      'work-repeated',
      'a few retries',
      { [own('retries', ', topic="prepare", code="source_busy"')]: at(100, 4) },
    ],
    [
      'work-repeated',
      'many retries for one reason',
      {
        [own('retries', ', topic="prepare", code="source_busy"')]: at(100, 8),
        [own('retries', ', topic="render", code="source_busy"')]: at(90, 8),
      },
      { code: 'source_busy' },
    ],
    [
      'work-repeated',
      'as many for different reasons',
      {
        [own('retries', ', topic="prepare", code="source_busy"')]: at(100, 8),
        [own('retries', ', topic="prepare", code="network"')]: at(90, 8),
      },
    ],
    ['work-repeated', 'repairs all the time', { [own('repairs', ', repair="published"')]: '0+0.2x125' }, {}],
    [
      'work-repeated',
      'more pushes that are not taken than others',
      {
        [pubsub('push_request_count', 'render', ', response_class="ack"')]: '0+10x125',
        [pubsub('push_request_count', 'render', ', response_class="remote_server_5xx"')]: '0+12x125',
      },
      { subscription_id: 'every-cut-render-push' },
    ],
    [
      'work-repeated',
      'a share of pushes that are not taken',
      {
        [pubsub('push_request_count', 'render', ', response_class="ack"')]: '0+10x125',
        [pubsub('push_request_count', 'render', ', response_class="remote_server_5xx"')]: '0+5x125',
      },
    ],

    [
      'speech-spending',
      'less than the limit',
      { [own('speech_characters_sum', ', model="a"')]: at(100, CHARACTERS_PER_DAY * 0.9) },
    ],
    [
      'speech-spending',
      'more than the limit, of two models',
      {
        [own('speech_characters_sum', ', model="a"')]: at(50, 700),
        [own('speech_characters_sum', ', model="b"')]: at(100, 700),
      },
      {},
    ],

    [
      'webhooks-failing',
      'events that arrive',
      { [own('webhooks', ', event="webhook.delivered"')]: steadily },
    ],
    [
      'webhooks-failing',
      'a receiver that was away',
      { [own('webhooks', ', event="webhook.failed"')]: at(100, 3) },
    ],
    [
      'webhooks-failing',
      'many receivers that fail',
      { [own('webhooks', ', event="webhook.failed"')]: at(100, 9) },
      { event: 'webhook.failed' },
    ],
    [
      'webhooks-failing',
      'an event that is given up',
      { [own('webhooks', ', event="webhook.given_up"')]: at(100) },
      { event: 'webhook.given_up' },
    ],

    [
      'quota-near',
      'three quarters of the disks',
      {
        [quota('allocation_usage', 'run')]: '15x125',
        [quota('limit', 'run', ', limit_name="DisksPerProject"')]: '20x125',
      },
    ],
    [
      'quota-near',
      'all processors, while a large task is made',
      {
        [quota('allocation_usage', 'run')]: '20x125',
        [quota('limit', 'run', ', limit_name="CpuAllocPerProjectRegion"')]: '20x125',
      },
    ],
    [
      'quota-near',
      'nearly all disks',
      {
        [quota('allocation_usage', 'run')]: '18x125',
        [quota('limit', 'run', ', limit_name="DisksPerProject"')]: '20x125',
      },
      { service: 'run.googleapis.com', quota_metric: 'run/cpu', location: 'europe-west1' },
    ],
    [
      'quota-near',
      'a quota without an end',
      {
        [quota('allocation_usage', 'run')]: '18x125',
        [quota('limit', 'run', ', limit_name="DisksPerProject"')]: '-1x125',
      },
    ],
    [
      'quota-near',
      'nearly all requests of a minute',
      {
        [quota('rate_net_usage', 'drive', ', method="create"')]: '0+60x125',
        [quota('rate_net_usage', 'drive', ', method="list"')]: '0+30x125',
        [quota('limit', 'drive', ', limit_name="QueriesPerMinutePerProject"')]: '100x125',
        [quota('limit', 'drive', ', limit_name="QueriesPerMinutePerUser"')]: '10x125',
      },
      { service: 'drive.googleapis.com', quota_metric: 'drive/cpu', location: 'europe-west1' },
    ],
    [
      'quota-near',
      'half of the requests of a minute',
      {
        [quota('rate_net_usage', 'drive', ', method="create"')]: '0+50x125',
        [quota('limit', 'drive', ', limit_name="QueriesPerMinutePerProject"')]: '100x125',
      },
    ],
  ];

  test('is tried for each of them, with what is an alert and with what is none', () => {
    const queried = policies.filter(
      ({ conditions }) => conditions[0]?.conditionPrometheusQueryLanguage !== undefined,
    );
    for (const { userLabels } of queried) {
      const own = CASES.filter(([id]) => id === userLabels['every-cut']);
      assert.ok(
        own.some(([, , , labels]) => labels) && own.some(([, , , labels]) => !labels),
        userLabels['every-cut'],
      );
    }
    assert.ok(queried.length >= 6);
  });

  test('fire on what they are for, and on nothing else', async () => {
    await using dir = await tempDir();
    const rules = policies.flatMap(({ userLabels, conditions }) => {
      const { query, duration } = { duration: '0s', ...conditions[0]?.conditionPrometheusQueryLanguage } as {
        query?: string;
        duration: string;
      };
      return query === undefined ? [] : [{ alert: userLabels['every-cut'], expr: query, for: duration }];
    });
    await writeFile(
      join(dir.path, 'rules.yaml'),
      stringify({ groups: [{ name: 'alerts', interval: '10m', rules }] }),
    );
    const tests = CASES.map(([id, what, series, labels]) => ({
      name: `${id}: ${what}`,
      interval: '1m',
      input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
      alert_rule_test: [
        { eval_time: '2h', alertname: id, exp_alerts: labels === undefined ? [] : [{ exp_labels: labels }] },
      ],
    }));
    const file = join(dir.path, 'tests.yaml');
    await writeFile(
      file,
      stringify({ rule_files: ['rules.yaml'], evaluation_interval: '10m', tests }, { lineWidth: 0 }),
    );
    assert.match(await promtool('test', 'rules', file), /SUCCESS/);
  });
});
