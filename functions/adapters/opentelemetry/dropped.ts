/**
 * A receiver may take a request and drop a part of what is in it, for example metrics without a location. The exporters report
 * that only to OpenTelemetry's own log. https://opentelemetry.io/docs/specs/otlp/#partial-success-1
 */
import { DiagLogLevel, diag } from '@opentelemetry/api';
import type { Log } from '../../base/log.ts';

const PARTIAL = /^Received Partial Success/;
/** If the reasons differ in each answer. */
const MOST_REASONS = 10;

/**
 * Logs each reason once, until it is disposed of. One at a time per process.
 * @param endpoint as the log may show it
 */
export function logDropped(endpoint: string, log: Log): Disposable {
  const known = new Set<string>();
  const silent = () => {};
  const warn = (what: string, answer: unknown) => {
    if (!PARTIAL.test(what)) return;
    const { errorMessage } = JSON.parse(String(answer)) as { errorMessage?: string };
    const reason = errorMessage || 'it gives no reason';
    if (known.has(reason) || known.size >= MOST_REASONS) return;
    known.add(reason);
    log.warn(`${endpoint} drops a part of the telemetry: ${reason}`, {
      event: 'telemetry.dropped',
      endpoint,
    });
  };
  const logger = { error: silent, warn, info: silent, debug: silent, verbose: silent };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return { [Symbol.dispose]: () => diag.disable() };
}
