import type { Telemetry } from '../ports/telemetry.ts';

export type MetricsDeps = Partial<Pick<Telemetry, 'metricsText'>>;

/** https://prometheus.io/docs/instrumenting/exposition_formats/#basic-info */
const TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/** GET /metrics, offered where there are any. */
export async function metrics({ metricsText }: MetricsDeps): Promise<Response> {
  return new Response((await metricsText?.()) ?? '', { headers: { 'content-type': TEXT } });
}
