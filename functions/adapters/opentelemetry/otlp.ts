/** Sends metrics and spans to an OTLP/HTTP receiver. https://opentelemetry.io/docs/specs/otlp/#otlphttp */
import type { TracerProvider as AnyTracerProvider } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { Resource } from '@opentelemetry/resources';
import { type IMetricReader, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { withoutPath } from '../../base/address-text.ts';
import type { Log } from '../../base/log.ts';
import { createOutage, type Outage } from '../../base/outage.ts';
import { logDropped } from './dropped.ts';

export interface OtlpOptions {
  /** The root of an OTLP/HTTP receiver, without a trailing slash. */
  endpoint: string;
  /** Sent with each request, such as a key. Why there are none, the log says. */
  headers: Readonly<Record<string, string>> | (() => Promise<Record<string, string>>);
  /** Share of the traces, 0 to 1. The same ones in all processes, by their ids. */
  share: number;
  /** How often metrics are sent, milliseconds. */
  everyMs: number;
}

export interface OtlpExport {
  tracerProvider: AnyTracerProvider;
  reader: IMetricReader;
  /**
   * Spans at once, metrics not more often than they may be written. Waits until all is sent, unless nothing could be sent
   * lately.
   */
  flush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** Spans wait this long for others of their batch, milliseconds. */
const BATCH_MS = 1_000;
/** A task of a thousand videos ends about 8,000 spans within some seconds. Those beyond are dropped. */
const MOST_SPANS = 16_384;
const REQUEST_MS = 10_000;
/** Google Cloud Monitoring takes a point of a series every 5 s at most: https://cloud.google.com/monitoring/quotas */
const LEAST_BETWEEN_MS = 10_000;

export function createOtlpExport({
  endpoint,
  headers,
  share,
  everyMs,
  resource,
  log,
}: OtlpOptions & { resource: Resource; log: Log }): OtlpExport {
  const receiver = withoutPath(endpoint);
  let isFailing = false;
  const outage = createOutage({
    began(error) {
      isFailing = true;
      log.warn(`Telemetry cannot be sent to ${receiver}, work goes on: ${messageOf(error)}`, {
        event: 'telemetry.failing',
        endpoint: receiver,
      });
    },
    over(seconds) {
      isFailing = false;
      log.notice(`Telemetry can be sent again, after ${seconds.toFixed(0)} s`, {
        event: 'telemetry.working',
        seconds,
      });
    },
  });
  const watched = watchedBy(outage);
  const dropped = logDropped(receiver, log);
  const options = (path: string) => ({
    url: `${endpoint}/v1/${path}`,
    headers: async () => {
      try {
        return typeof headers === 'function' ? await headers() : { ...headers };
      } catch (error) {
        // The exporter has no answer to it. The receiver refuses the request.
        outage.failed(error);
        return {};
      }
    },
    timeoutMillis: REQUEST_MS,
  });
  const spans = watched(new OTLPTraceExporter(options('traces')));
  const processor = new BatchSpanProcessor({
    exporter: spans as SpanExporter,
    scheduledDelayMillis: BATCH_MS,
    maxQueueSize: MOST_SPANS,
  });
  const tracerProvider = new TracerProvider({
    resource,
    // Not by the flag of whoever calls: Cloud Run samples few of its own traces, and ours begin there.
    sampler: new TraceIdRatioBasedSampler(share),
    spanProcessors: [processor],
  });
  const reader = new PeriodicExportingMetricReader({
    exporter: watched(new OTLPMetricExporter(options('metrics'))),
    exportIntervalMillis: everyMs,
    exportTimeoutMillis: Math.min(REQUEST_MS, everyMs),
  });
  let metricsSentAt = Number.NEGATIVE_INFINITY;
  return {
    tracerProvider,
    reader,
    async flush() {
      const isDue = performance.now() - metricsSentAt >= LEAST_BETWEEN_MS;
      if (isDue) metricsSentAt = performance.now();
      // The provider does not wait for batches that it began to send before.
      const ways = [tracerProvider.forceFlush(), spans.forceFlush(), isDue && reader.forceFlush()];
      const sent = Promise.all(ways);
      if (isFailing) sent.catch(() => {});
      else await sent;
    },
    async shutdown() {
      using _dropped = dropped;
      await tracerProvider.shutdown();
    },
  };
}

interface ExportOutcome {
  code: number;
  error?: Error;
}
type Exporter<I> = { export(items: I, done: (outcome: ExportOutcome) => void): void };

/** Tells the outage how requests end. One that fails says nothing if a later one has worked by then. */
function watchedBy(outage: Outage) {
  let latestThatWorked = 0;
  return <I, E extends Exporter<I>>(exporter: E): E => {
    const send = exporter.export.bind(exporter);
    exporter.export = (items, done) => {
      const began = performance.now();
      send(items, (outcome) => {
        if (outcome.code === 0) {
          latestThatWorked = Math.max(latestThatWorked, began);
          outage.worked();
        } else if (began >= latestThatWorked) outage.failed(outcome.error);
        done(outcome);
      });
    };
    return exporter;
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'it failed without a reason';
}
