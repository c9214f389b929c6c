/** Where metrics and traces are sent, under the names that OpenTelemetry has for its settings. */
import type { SettingsReader } from './settings-reader.ts';

export interface TelemetrySettings {
  /** The root of the OTLP/HTTP receiver, without a trailing slash; undefined: nothing is sent. */
  endpoint: string | undefined;
  headers: Readonly<Record<string, string>>;
  serviceName: string;
  /** Share of the traces that are sent, 0 to 1. */
  share: number;
  /** How often metrics are sent, milliseconds. */
  everyMs: number;
}

/** A name and a value that may be percent-encoded: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
const HEADER = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*([^\s,=][^,]*?)\s*$/;

export function readTelemetrySettings(read: SettingsReader): TelemetrySettings {
  const endpoint = read.optional('OTEL_EXPORTER_OTLP_ENDPOINT', isEndpoint)?.replace(/\/+$/, '');
  const headers = read.optional('OTEL_EXPORTER_OTLP_HEADERS', (text) => headersOf(text) !== undefined);
  if (headers !== undefined && endpoint === undefined && !read.failed('OTEL_EXPORTER_OTLP_ENDPOINT')) {
    read.problem(
      'OTEL_EXPORTER_OTLP_ENDPOINT: expected an address because OTEL_EXPORTER_OTLP_HEADERS is set, got nothing. ' +
        'Set both, or neither.',
    );
  }
  return {
    endpoint,
    headers: headersOf(headers ?? '') ?? {},
    serviceName: read.text('OTEL_SERVICE_NAME', 'every-cut', /^[\w.:/-]{1,100}$/),
    share: Number(read.text('OTEL_TRACES_SAMPLER_ARG', '1', /^(0(\.\d+)?|1(\.0+)?)$/)),
    everyMs: read.integer('OTEL_METRIC_EXPORT_INTERVAL', 60_000, 1_000, 3_600_000),
  };
}

function isEndpoint(value: string): boolean {
  const url = URL.parse(value);
  return (
    /^https?:$/.test(url?.protocol ?? '') && url?.search === '' && url.hash === '' && url.username === ''
  );
}

function headersOf(text: string): Record<string, string> | undefined {
  const entries = text === '' ? [] : text.split(',').map((entry) => HEADER.exec(entry));
  if (entries.some((entry) => entry === null)) return undefined;
  try {
    return Object.fromEntries(
      entries.map((entry) => [entry?.[1] as string, decodeURIComponent(entry?.[2] as string)]),
    );
  } catch {
    return undefined;
  }
}
