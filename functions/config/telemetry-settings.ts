/** Where metrics and traces are sent, under the names that OpenTelemetry has for its settings. */
import { isPlainAddress } from './plain-address.ts';
import type { SettingsReader } from './settings-reader.ts';

export interface TelemetrySettings {
  /** The root of the OTLP/HTTP receiver, without a trailing slash; undefined: nothing is sent. */
  endpoint: string | undefined;
  headers: Readonly<Record<string, string>>;
  /** The receiver is Google's: it wants credentials, a project and a location. */
  toGoogle: boolean;
  serviceName: string;
  /** What else describes this process. */
  attributes: Readonly<Record<string, string>>;
  /** Share of the traces that are sent, 0 to 1. */
  share: number;
  /** How often metrics are sent, milliseconds. */
  everyMs: number;
}

/** A name and a value that may be percent-encoded: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
const PAIR = /^\s*([!#$%&'*+.^_`|~\w-]+)\s*=\s*([^\s,=][^,]*?)\s*$/;

/** What HTTP can send as the value of a header. */
const HEADER = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Of all regions or of one: https://docs.cloud.google.com/stackdriver/docs/reference/telemetry/overview */
const GOOGLE_HOST = /^telemetry(\.[a-z0-9-]+\.rep)?\.googleapis\.com$/;
/** Without one of them, Google refuses metrics: https://docs.cloud.google.com/stackdriver/docs/reference/telemetry/v1.metrics */
const LOCATIONS = ['location', 'cloud.availability_zone', 'cloud.region'];

/** @param project undefined: not set */
export function readTelemetrySettings(
  read: SettingsReader,
  { inCloud, project }: { inCloud: boolean; project: string | undefined },
): TelemetrySettings {
  const endpoint = read.optional('OTEL_EXPORTER_OTLP_ENDPOINT', isPlainAddress)?.replace(/\/+$/, '');
  const headers = read.optional('OTEL_EXPORTER_OTLP_HEADERS', areHeaders);
  if (headers !== undefined && endpoint === undefined && !read.failed('OTEL_EXPORTER_OTLP_ENDPOINT')) {
    read.problem(
      'OTEL_EXPORTER_OTLP_ENDPOINT: expected an address because OTEL_EXPORTER_OTLP_HEADERS is set, got nothing. ' +
        'Set both, or neither.',
    );
  }
  const described = read.optional('OTEL_RESOURCE_ATTRIBUTES', (text) => pairsOf(text) !== undefined);
  const attributes = pairsOf(described ?? '') ?? {};
  const isGoogle = GOOGLE_HOST.test(URL.parse(endpoint ?? '')?.hostname ?? '');
  if (isGoogle && project === undefined) {
    read.problem(
      'GOOGLE_CLOUD_PROJECT: expected the id of a project because OTEL_EXPORTER_OTLP_ENDPOINT is Google, got nothing. ' +
        'Set it in the environment.',
    );
  }
  // On Cloud Run, the platform tells it.
  if (isGoogle && !inCloud && !LOCATIONS.some((name) => name in attributes)) {
    read.problem(
      'OTEL_RESOURCE_ATTRIBUTES: expected cloud.region because OTEL_EXPORTER_OTLP_ENDPOINT is Google, got none. ' +
        'Set it, for example to cloud.region=europe-west1.',
    );
  }
  return {
    endpoint,
    headers: pairsOf(headers ?? '') ?? {},
    toGoogle: isGoogle || (endpoint !== undefined && endpoint === read.raw('GOOGLE_API_URL')),
    attributes,
    // OpenTelemetry says that this setting wins.
    serviceName: read.text(
      'OTEL_SERVICE_NAME',
      attributes['service.name'] ?? 'every-cut',
      /^[\w.:/-]{1,100}$/,
    ),
    share: Number(read.text('OTEL_TRACES_SAMPLER_ARG', '1', /^(0(\.\d+)?|1(\.0+)?)$/)),
    everyMs: read.integer('OTEL_METRIC_EXPORT_INTERVAL', 60_000, 1_000, 3_600_000),
  };
}

function areHeaders(text: string): boolean {
  const pairs = pairsOf(text);
  return pairs !== undefined && Object.values(pairs).every((value) => HEADER.test(value));
}

function pairsOf(text: string): Record<string, string> | undefined {
  const entries = text === '' ? [] : text.split(',').map((entry) => PAIR.exec(entry));
  if (entries.some((entry) => entry === null)) return undefined;
  try {
    return Object.fromEntries(
      entries.map((entry) => [entry?.[1] as string, decodeURIComponent(entry?.[2] as string)]),
    );
  } catch {
    return undefined;
  }
}
