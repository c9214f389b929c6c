/** What a host says about itself in metrics and traces, and where they go, by its settings. */

import { hostname } from 'node:os';
import type { OtlpOptions } from '../adapters/opentelemetry/otlp.ts';
import { withoutPath } from '../base/address-text.ts';
import type { Log } from '../base/log.ts';
import { VERSION } from '../base/version.ts';
import type { Config } from '../config/config.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { instanceId } from './instance-id.ts';

export const NO_TELEMETRY: Telemetry = {
  metricsText: undefined,
  async flush() {},
  async [Symbol.asyncDispose]() {},
};

export type TelemetryConfig = Pick<Config, 'telemetry' | 'cloudRun' | 'project' | 'dataDir'> & {
  vendors: Pick<Config['vendors'], 'googleApiUrl'>;
};

/**
 * Dispose of it last, so that the end of the work is sent, too. Never rejects: the work goes on without it.
 * @param isScraped whether Prometheus may ask this process for its metrics, as it asks hosts
 */
export async function openTelemetry(
  config: TelemetryConfig,
  log: Log,
  { isScraped }: { isScraped: boolean },
): Promise<Telemetry> {
  const { endpoint } = config.telemetry;
  if (endpoint === undefined && !isScraped) return NO_TELEMETRY;
  try {
    return await started(config, log, isScraped);
  } catch (error) {
    log.warn(
      'Expected OpenTelemetry to start, got an error: no metrics and no traces until this process is started again. Next ' +
        'step: check that all packages are installed (npm ci), and the settings OTEL_*.',
      { event: 'telemetry.failing', endpoint: endpoint && withoutPath(endpoint), error },
    );
    return NO_TELEMETRY;
  }
}

async function started(config: TelemetryConfig, log: Log, isScraped: boolean): Promise<Telemetry> {
  const { endpoint, serviceName, attributes, share, everyMs } = config.telemetry;
  const { project } = config;
  // A quarter of a second that most functions need not spend.
  const { startTelemetry } = await import('../adapters/opentelemetry/telemetry.ts');
  return startTelemetry({
    resource: {
      'service.version': VERSION,
      'service.instance.id': await instanceId(config, { isHost: isScraped }),
      'host.name': hostname(),
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
      ...(project !== undefined && { 'cloud.account.id': project, 'gcp.project_id': project }),
      ...(await platformOf(config)),
      ...attributes,
      'service.name': serviceName,
    },
    isScraped,
    ...(endpoint !== undefined && { otlp: { endpoint, headers: await headersOf(config), share, everyMs } }),
    log,
  });
}

async function platformOf({ cloudRun, project, vendors }: TelemetryConfig): Promise<Record<string, string>> {
  if (cloudRun === undefined) return {};
  const { cloudRunAttributes } = await import('../adapters/opentelemetry/cloud-run.ts');
  return cloudRunAttributes({ ...cloudRun, project, apiUrl: vendors.googleApiUrl });
}

async function headersOf({ telemetry, project, vendors }: TelemetryConfig): Promise<OtlpOptions['headers']> {
  if (!telemetry.toGoogle) return telemetry.headers;
  const { createGoogleHeaders } = await import('../adapters/opentelemetry/google-headers.ts');
  return createGoogleHeaders({ project, apiUrl: vendors.googleApiUrl });
}
