/** The dashboard, the alert rules, and whether each of their expressions finds what a real host says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { copyFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { INSTRUMENTS, type InstrumentName } from '../../functions/base/telemetry/instruments.ts';
import { composeErrors } from '../fixtures/container/compose.ts';
import {
  ALERTS_FILE,
  dashboard,
  expressions,
  labelsOf,
  metricNames,
  metricOf,
  panels,
  prometheusName,
  readPart,
  rules,
} from '../fixtures/prometheus/board.ts';
import { eventfulRun } from '../fixtures/prometheus/eventful-run.ts';
import {
  groupsOf,
  interpolated,
  type Selector,
  selectorsOf,
  withoutThresholds,
} from '../fixtures/prometheus/expressions.ts';
import { promtool, type Series, WITH_PROMETHEUS } from '../fixtures/prometheus/prometheus.ts';
import { unlessTurn, WHOLE_SUITES } from '../fixtures/system/sample.ts';
import { tempDir } from '../fixtures/system/temp-dir.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ALERT_TESTS = join(ROOT, 'test/infra/alerts.test.yaml');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const operations = read('infra/OPERATIONS.md');
const chapter = readPart('README.md');

describe('the files of infra/observability', () => {
  test('the compose file has the hardened service and a pinned stack, both for this machine only', () => {
    const compose = parse(readPart('compose.yaml'));
    assert.deepEqual(composeErrors(compose), []);
    const { 'every-cut': service, lgtm } = compose.services;
    assert.deepEqual(service.extends, { file: '../container/compose.yaml', service: 'every-cut' });
    for (const own of ['ports', 'read_only', 'cap_drop', 'security_opt', 'build', 'image'])
      assert.ok(!(own in service), own);
    const extended = parse(read('infra/container/compose.yaml'));
    assert.equal(compose.name, extended.name);
    const { observed: _, ...volumes } = compose.volumes;
    assert.deepEqual(volumes, extended.volumes, 'either file finds the data');
    assert.equal(service.environment.OTEL_EXPORTER_OTLP_ENDPOINT, 'http://lgtm:4318');
    assert.match(lgtm.image, /^docker\.io\/grafana\/otel-lgtm:\d+\.\d+\.\d+$/);
    for (const port of lgtm.ports) assert.match(port, /^127\.0\.0\.1:/);
    for (const volume of lgtm.volumes as string[]) {
      const [from = '', , mode] = volume.split(':');
      if (from.startsWith('./')) assert.ok(readPart(from).length > 0 && mode === 'ro', volume);
    }
  });

  test('Grafana and Prometheus are told the files that are mounted', () => {
    const { lgtm } = parse(readPart('compose.yaml')).services;
    const mounted = (lgtm.volumes as string[]).map((volume) => volume.split(':')[1]);
    const { providers } = parse(readPart('dashboards.yaml'));
    assert.ok(mounted.includes(`${providers[0].options.path}/dashboard.json`));
    assert.ok(mounted.includes(lgtm.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH));
    const { rule_files } = parse(readPart('prometheus.yaml'));
    assert.ok(rule_files.length > 0);
    for (const file of rule_files) assert.ok(mounted.includes(file), file);
  });

  test('the panels of the dashboard have room, a title, a unit, and say what to do', () => {
    assert.deepEqual([dashboard.uid, dashboard.title], ['every-cut', 'Every Cut']);
    const ids = dashboard.panels.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} lies over another panel`);
          taken.add(`${x} ${y}`);
        }
      }
    }
    for (const { title, description, datasource, fieldConfig, targets = [] } of panels) {
      assert.ok(title.length > 3 && description.length > 30, title);
      assert.ok(fieldConfig.defaults.unit.length > 0, title);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's.
      assert.equal(datasource.uid, '${datasource}', title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      for (const [, heading] of description.matchAll(/ ([A-Z]\w+) in infra\/OPERATIONS\.md/g))
        assert.match(operations, new RegExp(`^### ${heading}$`, 'm'), title);
    }
  });

  test('the dashboard and the rules use every metric of the service, and no other', () => {
    const used = expressions.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metricOf(metric)));
    assert.deepEqual([...new Set(used)].filter((name) => name !== undefined).sort(), metricNames.toSorted());
  });

  test('their labels are attributes of these metrics, and texts use only labels that there are', () => {
    const always = ['job', 'instance', 'le'];
    for (const { expr, text } of expressions) {
      for (const selector of selectorsOf(expr))
        for (const label of selector.labels)
          assert.ok([...always, ...labelsOf(selector.metric)].includes(label), selector.text);
      const known = [...always, ...selectorsOf(expr).flatMap(({ metric }) => labelsOf(metric))];
      for (const label of groupsOf(expr)) assert.ok(known.includes(label), `${label} in ${expr}`);
      for (const [, label = ''] of text.matchAll(/(?:\{\{|\$labels\.)([a-z]\w*)/g))
        assert.ok(groupsOf(expr).includes(label), `${label} of ${expr}`);
    }
  });

  test('each alert says what happened, has a heading in OPERATIONS.md, a row in the README and a test', () => {
    const tests = readFileSync(ALERT_TESTS, 'utf8');
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity, /^(critical|warning)$/, alert);
      assert.ok(annotations.summary.length > 10 && annotations.description.length > 30, alert);
      assert.equal(annotations.runbook_url, `infra/OPERATIONS.md#${alert.toLowerCase()}`);
      assert.match(operations, new RegExp(`^### ${alert}$`, 'm'), 'infra/OPERATIONS.md');
      assert.match(
        chapter,
        new RegExp(`^\\| \`${alert}\` \\| .+ \\|$`, 'm'),
        'infra/observability/README.md',
      );
      assert.ok(tests.includes(`alertname="${alert}"`), `alerts.test.yaml does not expect ${alert}`);
    }
  });

  test('the README has every metric, with its kind, its unit, its name in Prometheus and its attributes', () => {
    const [, list = ''] = chapter.split('\n## Metrics\n');
    const told = list.replace(/\s+/g, ' ').split(' - ').slice(1);
    const expected = Object.entries(INSTRUMENTS).map(([name, { kind, unit, about, attributes }]) => {
      const by = attributes.map((attribute) => `\`${attribute}\``).join(', ');
      const called = prometheusName(name as InstrumentName);
      return `\`${name}\` (${kind}, ${unit}): \`${called}\`. ${about}${by === '' ? '' : ` By ${by}.`}`;
    });
    assert.deepEqual(
      told.map((entry) => entry.trim()),
      expected,
    );
  });
});

describe('the alert rules', WITH_PROMETHEUS, () => {
  test('are taken by a Prometheus that has the configuration of the README', async () => {
    await using dir = await tempDir();
    const file = join(dir.path, 'prometheus.yml');
    await copyFile(ALERTS_FILE, join(dir.path, 'alerts.yaml'));
    await writeFile(file, /^```yaml\n([^`]*scrape_configs:[^`]*)```$/m.exec(chapter)?.[1] ?? '');
    assert.match(await promtool('check', 'config', file), new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  test('are rules to Prometheus, and fire in their trouble and only then', async () => {
    assert.match(await promtool('check', 'rules', ALERTS_FILE), /SUCCESS/);
    assert.match(await promtool('test', 'rules', ALERT_TESTS), /SUCCESS/);
  });
});

/** These happen in the run, so the alerts themselves must be there, without their waiting time. */
const HAPPENED = ['ServiceDown', 'NotReady', 'DeadLetters', 'RendersFailing', 'QuotaNear'];

/**
 * May be 0 all the time: nothing is quarantined, little waits when a scrape looks, and most tasks buy nothing. All else must be
 * seen to be something else.
 */
const ZERO = /"quarantined"|"waiting"|histogram_quantile\(0\.5, sum by \(le\) \(\(every_cut_task_cost_bucket/;

const skip = WITH_PROMETHEUS.skip || unlessTurn(WHOLE_SUITES, 'the observed host');

describe('a host that Prometheus scrapes', { timeout: 600_000, skip }, () => {
  test('gives data to every expression of the dashboard and of the rules', async (t) => {
    // As the README says it, for another address and key, and more often.
    const told = /^scrape_configs:\n[^`]*/m.exec(chapter)?.[0] ?? '';
    const scrapeOf = (address: string, key: string) =>
      parse(told.replace('127.0.0.1:8080', address).replace('YOUR_API_KEY', key).replace('15s', '1s'))
        .scrape_configs[0];
    await using run = await eventfulRun(scrapeOf, ALERTS_FILE);
    const { prometheus, began, ended } = run;
    const during = (expression: string) => prometheus.between(expression, began, ended);
    const known = new Map<string, Promise<boolean>>();
    const isThere = (selector: string) => {
      const asked = known.get(selector) ?? during(selector).then((series) => hasData(series));
      known.set(selector, asked);
      return asked;
    };
    const absent = async (selectors: readonly Selector[]) => {
      const found = await Promise.all(selectors.map(({ text }) => isThere(text)));
      return selectors.filter((_, at) => !found[at]).map(({ text }) => text);
    };
    const lacking: string[] = [];

    for (const name of metricNames)
      if (!(await isThere(name)) && !(await isThere(`${name}_count`))) lacking.push(`metric ${name}`);

    const variables = dashboard.templating.list.filter(({ type }) => type === 'query');
    const picked: Record<string, string> = { job: run.job, instance: run.instance };
    const all = Object.fromEntries(variables.map(({ name, allValue = '' }) => [name, allValue]));
    for (const { name, query } of variables) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(query) ?? [];
      const found = await prometheus.labelValues(label, selector.replace('$job', run.job));
      assert.deepEqual(found, [picked[name]], query);
    }

    const range = Math.ceil(ended - began);
    let complete = 0;
    for (const { title, targets = [] } of panels) {
      const before = lacking.length;
      for (const { expr, instant } of targets) {
        for (const chosen of [all, picked]) {
          const asked = interpolated(expr, { variables: chosen, range, rateInterval: 10 });
          const answer = instant ? await prometheus.at(asked, ended) : await during(asked);
          const selectors = await absent(selectorsOf(asked));
          const isFound = ZERO.test(asked) ? hasData(answer) : hasData(answer, (value) => value !== 0);
          if (!isFound || selectors.length > 0) lacking.push(`"${title}": ${asked} ${selectors}`);
        }
      }
      if (lacking.length === before) complete++;
    }
    let found = 0;
    for (const { alert, expr } of rules) {
      const asked = HAPPENED.includes(alert) ? expr : withoutThresholds(expr);
      const selectors = await absent(selectorsOf(expr));
      if (hasData(await during(asked)) && selectors.length === 0) found++;
      else lacking.push(`${alert}: ${asked} ${selectors}`);
    }
    t.diagnostic(
      `panels ${complete} of ${panels.length}, rules ${found} of ${rules.length}, of which ${HAPPENED.length} were true`,
    );
    assert.deepEqual(lacking, []);
  });
});

function hasData(series: readonly Series[], isRight: (value: number) => boolean = () => true): boolean {
  const numbers = series.flatMap(({ values }) => values.map(([, value]) => Number(value)));
  return numbers.some((number) => Number.isFinite(number) && isRight(number));
}
