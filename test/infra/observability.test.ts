/** The $', 'm'));dashboard, the alert rules, and whether each of their expressions finds what a real host says. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { INSTRUMENTS } from '../../functions/base/telemetry/instruments.ts';
import { composeErrors } from '../fixtures/container/compose.ts';
import { eventfulRun } from '../fixtures/prometheus/eventful-run.ts';
import { interpolated, selectorsOf, withoutThresholds } from '../fixtures/prometheus/expressions.ts';
import { promtool, type Series, WITH_PROMETHEUS } from '../fixtures/prometheus/prometheus.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = 'infra/observability';
const ALERTS = join(ROOT, FOLDER, 'alerts.yaml');
const ALERT_TESTS = join(ROOT, 'test/infra/alerts.test.yaml');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Target {
  refId: string;
  expr: string;
  instant: boolean;
}
interface Panel {
  id: number;
  type: string;
  title: string;
  description: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource: { uid: string };
  fieldConfig: { defaults: { unit: string } };
  targets?: Target[];
}
interface Variable {
  name: string;
  type: string;
  query: string | { query: string };
  allValue?: string;
}
interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string; runbook_url: string };
}

const dashboard = JSON.parse(read(`${FOLDER}/dashboard.json`)) as {
  uid: string;
  title: string;
  schemaVersion: number;
  templating: { list: Variable[] };
  panels: Panel[];
};
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const { rules } = (parse(read(`${FOLDER}/alerts.yaml`)) as { groups: [{ rules: Rule[] }] }).groups[0];
const chapter = read(`${FOLDER}/README.md`);

/** As Prometheus calls it: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ */
function prometheusName(name: keyof typeof INSTRUMENTS): string {
  const { kind, unit } = INSTRUMENTS[name];
  const suffix = { s: '_seconds', By: '_bytes' }[unit as string] ?? '';
  return `${name.replaceAll('.', '_')}${suffix}${kind === 'counter' ? '_total' : ''}`;
}
const names = (Object.keys(INSTRUMENTS) as (keyof typeof INSTRUMENTS)[]).map(prometheusName);
/** What Prometheus itself knows. */
const OTHERS = ['ALERTS', 'target_info'];

describe('the files of infra/observability', () => {
  test('the compose file has the hardened service and a pinned stack, both for this machine only', () => {
    const compose = parse(read(`${FOLDER}/compose.yaml`));
    assert.deepEqual(composeErrors(compose), []);
    const { 'every-cut': service, lgtm } = compose.services;
    assert.deepEqual(service.extends, { file: '../container/compose.yaml', service: 'every-cut' });
    for (const own of ['ports', 'read_only', 'cap_drop', 'security_opt', 'build', 'image'])
      assert.ok(!(own in service), own);
    const extended = parse(read('infra/container/compose.yaml'));
    assert.equal(compose.name, extended.name);
    for (const volume of Object.keys(extended.volumes)) assert.ok(volume in compose.volumes, volume);
    assert.equal(service.environment.OTEL_EXPORTER_OTLP_ENDPOINT, 'http://lgtm:4318');
    assert.match(lgtm.image, /^docker\.io\/grafana\/otel-lgtm:\d+\.\d+\.\d+$/);
    for (const port of lgtm.ports) assert.match(port, /^127\.0\.0\.1:/);
    for (const volume of lgtm.volumes as string[]) {
      const [from = '', , mode] = volume.split(':');
      if (from.startsWith('./')) assert.ok(read(join(FOLDER, from)).length > 0 && mode === 'ro', volume);
    }
  });

  test('Grafana and Prometheus are told the files that are mounted', () => {
    const { lgtm } = parse(read(`${FOLDER}/compose.yaml`)).services;
    const mounted = (lgtm.volumes as string[]).map((volume) => volume.split(':')[1]);
    const { providers } = parse(read(`${FOLDER}/dashboards.yaml`));
    assert.ok(mounted.includes(`${providers[0].options.path}/dashboard.json`));
    assert.ok(mounted.includes(lgtm.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH));
    const { rule_files } = parse(read(`${FOLDER}/prometheus.yaml`));
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
    const headings = read('infra/OPERATIONS.md');
    for (const { title, description, datasource, fieldConfig, targets = [] } of panels) {
      assert.ok(title.length > 3 && description.length > 30, title);
      assert.ok(fieldConfig.defaults.unit.length > 0, title);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Grafana's.
      assert.equal(datasource.uid, '${datasource}', title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      for (const [, alert] of description.matchAll(/(\w+) in infra\/OPERATIONS\.md/g))
        if (/^[A-Z]/.test(String(alert))) assert.match(headings, new RegExp(`^### ${alert}$`, 'm'), title);
    }
  });

  test('the dashboard and the rules use every metric of the service, and no other', () => {
    const used = [...panels.flatMap(({ targets = [] }) => targets), ...rules].flatMap(({ expr }) =>
      selectorsOf(expr).map(({ metric }) =>
        names.includes(metric) ? metric : metric.replace(/_(bucket|sum|count)$/, ''),
      ),
    );
    assert.deepEqual([...new Set(used)].filter((name) => !OTHERS.includes(name)).sort(), names.sort());
  });

  test('each alert says what happened, has a heading in OPERATIONS.md, a row in the README and a test', () => {
    const operations = read('infra/OPERATIONS.md');
    const tests = readFileSync(ALERT_TESTS, 'utf8');
    for (const { alert, labels, annotations } of rules) {
      assert.match(labels.severity, /^(critical|warning)$/, alert);
      assert.ok(annotations.summary.length > 10 && annotations.description.length > 30, alert);
      assert.equal(annotations.runbook_url, `infra/OPERATIONS.md#${alert.toLowerCase()}`);
      assert.match(operations, new RegExp(`^### ${alert}$`, 'm'), `infra/OPERATIONS.md has no ### ${alert}`);
      assert.match(
        chapter,
        new RegExp(`^\\| \`${alert}\` \\| .+ \\|$`, 'm'),
        `README.md has no row for ${alert}`,
      );
      assert.ok(tests.includes(`alertname="${alert}"`), `alerts.test.yaml does not expect ${alert}`);
    }
  });

  test('the README has every metric, with its kind, its unit, its name in Prometheus and its attributes', () => {
    const [, list = ''] = chapter.split('\n## Metrics\n');
    const told = list.replace(/\s+/g, ' ').split(' - ').slice(1);
    const expected = Object.entries(INSTRUMENTS).map(([name, { kind, unit, about, attributes }]) => {
      const called = prometheusName(name as keyof typeof INSTRUMENTS);
      const by = attributes.map((attribute) => `\`${attribute}\``).join(', ');
      return `\`${name}\` (${kind}, ${unit}): \`${called}\`. ${about}${by === '' ? '' : ` By ${by}.`}`;
    });
    assert.deepEqual(
      told.map((entry) => entry.trim()),
      expected,
    );
  });
});

describe('the alert rules', WITH_PROMETHEUS, () => {
  test('are rules to Prometheus, and fire in their trouble and only then', async () => {
    assert.match(await promtool('check', 'rules', ALERTS), /SUCCESS/);
    assert.match(await promtool('test', 'rules', ALERT_TESTS), /SUCCESS/);
  });
});

/** These happen in the run, so the alerts themselves must be there, without their waiting time. */
const HAPPENED = ['ServiceDown', 'NotReady', 'DeadLetters', 'RendersFailing', 'QuotaNear'];

describe('a host that Prometheus scrapes', { timeout: 600_000, ...WITH_PROMETHEUS }, () => {
  test('gives data to every expression of the dashboard and of the rules', async (t) => {
    // As the README says it, for another address and key.
    const told = /^scrape_configs:\n[^`]*/m.exec(chapter)?.[0] ?? '';
    const scrapeOf = (address: string, key: string) =>
      parse(told.replace('127.0.0.1:8080', address).replace('YOUR_API_KEY', key).replace('15s', '1s')).scrape_configs[0];
    await using run = await eventfulRun(scrapeOf, ALERTS);
    const { prometheus, began, ended } = run;
    const range = Math.ceil(ended - began);
    const lacking: string[] = [];

    // The scraped series are all there are, and each is in the table.
    for (const name of names) {
      const any = [name, `${name}_count`].map((metric) => prometheus.between(metric, began, ended));
      if (!(await Promise.all(any)).some(hasData)) lacking.push(`metric ${name}`);
    }

    const variables = dashboard.templating.list.filter(({ type }) => type === 'query');
    const picked: Record<string, string> = { job: run.job, instance: run.instance };
    const all = Object.fromEntries(variables.map(({ name, allValue = '' }) => [name, allValue]));
    for (const { name, query } of variables) {
      const asked = typeof query === 'string' ? query : query.query;
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(asked) ?? [];
      const found = await prometheus.labelValues(label, selector.replace('$job', run.job));
      if (String(found) !== picked[name]) lacking.push(`variable ${name}: ${found}`);
    }

    let withData = 0;
    for (const { title, targets = [] } of panels) {
      let isComplete = true;
      for (const { expr, instant } of targets) {
        for (const chosen of [all, picked]) {
          const asked = interpolated(expr, { variables: chosen, range, rateInterval: 10 });
          const answer = instant
            ? await prometheus.at(asked, ended)
            : await prometheus.between(asked, began, ended);
          const selectors = await without(prometheus, selectorsOf(asked), began, ended);
          if (hasData(answer) && selectors.length === 0) continue;
          isComplete = false;
          lacking.push(`panel "${title}": ${asked} ${selectors.join(' ')}`);
        }
      }
      if (isComplete) withData++;
    }

    let found = 0;
    for (const { alert, expr } of rules) {
      const asked = HAPPENED.includes(alert) ? expr : withoutThresholds(expr);
      const answer = await prometheus.between(asked, began, ended);
      const selectors = await without(prometheus, selectorsOf(expr), began, ended);
      if (hasData(answer) && selectors.length === 0) found++;
      else lacking.push(`rule ${alert}: ${asked} ${selectors.join(' ')}`);
    }
    t.diagnostic(
      `panels ${withData} of ${panels.length}, rules ${found} of ${rules.length}, ` +
        `of which ${HAPPENED.length} were true in the run`,
    );
    assert.deepEqual(lacking, []);
  });
});

/** Of what an expression asks for: what was not there. Alerts are there only while they fire. */
async function without(
  prometheus: { between(expression: string, from: number, to: number): Promise<Series[]> },
  selectors: readonly { metric: string; text: string }[],
  from: number,
  to: number,
): Promise<string[]> {
  const found = await Promise.all(
    selectors.map(async ({ text }) => (hasData(await prometheus.between(text, from, to)) ? [] : [text])),
  );
  return found.flat();
}

function hasData(series: readonly Series[]): boolean {
  return series.some(({ values }) => values.some(([, value]) => Number.isFinite(Number(value))));
}
