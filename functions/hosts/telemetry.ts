/** What a host says about itself in metrics and traces, and where they go, by its settings. */
import { hostname } from 'node:os';
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

/**
 * Dispose of it last, so that the end of the work is sent, too.
 * @param isScraped whether Prometheus may ask this process for its metrics
 */
export async function openTelemetry(
  { telemetry, inCloud, project, dataDir }: Pick<Config, 'telemetry' | 'inCloud' | 'project' | 'dataDir'>,
  log: Log,
  { isScraped }: { isScraped: boolean },
): Promise<Telemetry> {
  const { endpoint, headers, serviceName, share, everyMs } = telemetry;
  if (endpoint === undefined && !isScraped) return NO_TELEMETRY;
  // A quarter of a second that most functions need not spend.
  const { startTelemetry } = await import('../adapters/opentelemetry/telemetry.ts');
  return startTelemetry({
    resource: {
      'service.name': serviceName,
      'service.version': VERSION,
      'service.instance.id': instanceId({ inCloud, dataDir }),
      'host.name': hostname(),
      'process.runtime.name': 'nodejs',
      'process.runtime.version': process.versions.node,
      ...(inCloud && { 'cloud.provider': 'gcp', 'cloud.platform': 'gcp_cloud_run' }),
      ...(project !== undefined && { 'cloud.account.id': project, 'gcp.project_id': project }),
    },
    isScraped,
    ...(endpoint !== undefined && { otlp: { endpoint, headers, share, everyMs } }),
    log,
  });
}
