/** Starts OpenTelemetry's SDK in this process: what base/telemetry/ counts, measures and traces goes where it is told. */
import { metrics, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type IMetricReader, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Log } from '../../base/log.ts';
import { inTime } from '../../base/time-limit.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { OtlpExport, OtlpOptions } from './otlp.ts';
import { createScraped } from './scraped.ts';
import { withoutUnreadGauges } from './unread-gauges.ts';

export interface TelemetryOptions {
  /** What describes this process in all that is sent: https://opentelemetry.io/docs/specs/semconv/resource/ */
  resource: Readonly<Record<string, string>>;
  /** Whether Prometheus may ask for the metrics. */
  isScraped: boolean;
  /** Where metrics and spans are sent; undefined: nowhere. */
  otlp?: OtlpOptions | undefined;
  log: Log;
}

/** A function's answer waits for it. */
const FLUSH_MS = 2_000;
const STOP_MS = 3_000;

/**
 * One at a time per process. Without `otlp`, nothing that sends is loaded.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const resource = resourceFromAttributes(options.resource);
  const scraped = options.isScraped ? createScraped() : undefined;
  let sent: OtlpExport | undefined;
  if (options.otlp !== undefined) {
    const { createOtlpExport } = await import('./otlp.ts');
    sent = createOtlpExport({ ...options.otlp, resource, log: options.log });
    trace.setGlobalTracerProvider(sent.tracerProvider);
  }
  const readers: IMetricReader[] = [scraped?.reader, sent?.reader].filter((reader) => reader !== undefined);
  const meterProvider = new MeterProvider({ resource, readers: readers.map(withoutUnreadGauges) });
  metrics.setGlobalMeterProvider(meterProvider);
  return {
    metricsText: scraped?.text,
    async flush() {
      if (sent !== undefined) await quietly(sent.flush(), FLUSH_MS);
    },
    async [Symbol.asyncDispose]() {
      await quietly(Promise.allSettled([meterProvider.shutdown(), sent?.shutdown()]), STOP_MS);
      metrics.disable();
      trace.disable();
    },
  };
}

/** Whether it could be sent, the log says (see otlp.ts). The work must not suffer from it. */
async function quietly(work: Promise<unknown>, ms: number): Promise<void> {
  await inTime(work, ms, () => new Error('late')).catch(() => {});
}
