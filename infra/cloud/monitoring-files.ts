/**
 * What infra/cloud/monitoring/ declares: log-based metrics, alert policies and a dashboard, in the formats of Google's APIs.
 * https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics
 * https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies
 * https://cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export interface LogMetric {
  name: string;
  filter: string;
  metricDescriptor: { valueType: string; labels?: { key: string }[] };
  valueExtractor?: string;
  labelExtractors?: Record<string, string>;
}

export interface Condition {
  /** Google gives one to each. */
  name?: string;
  displayName: string;
  conditionThreshold?: { filter: string };
  conditionPrometheusQueryLanguage?: { query: string };
  conditionMatchedLog?: { filter: string; labelExtractors?: Record<string, string> };
}

export interface AlertPolicy {
  displayName: string;
  /** `every-cut` names the policy, because Google chooses the names of policies itself. */
  userLabels: Record<string, string>;
  documentation: { content: string };
  conditions: Condition[];
}

export interface Monitoring {
  metrics: LogMetric[];
  policies: AlertPolicy[];
  dashboard: { displayName: string };
}

const FOLDER = join(import.meta.dirname, 'monitoring');

/** @param charactersPerDay more speech than that, bought within 24 hours, is an alert */
export function readMonitoring(charactersPerDay: number): Monitoring {
  const read = (file: string): unknown =>
    parse(
      readFileSync(join(FOLDER, file), 'utf8').replaceAll(
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a placeholder in the files
        '${ALERT_CHARACTERS_PER_DAY}',
        String(charactersPerDay),
      ),
    );
  const all = (folder: string) =>
    readdirSync(join(FOLDER, folder))
      .sort()
      .map((file) => read(join(folder, file)));
  return {
    metrics: all('metrics') as LogMetric[],
    policies: all('policies') as AlertPolicy[],
    dashboard: read('dashboard.yaml') as Monitoring['dashboard'],
  };
}
