/**
 * Keeps the trace context of the current work, from a caller's request to the last message that results from it.
 * https://www.w3.org/TR/trace-context/
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** The specification forbids version ff and ids that are all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = 1;

const current = new AsyncLocalStorage<string | undefined>();

/** Runs `work` in the trace that a header or message attribute names; without a trace if the value is malformed. */
export function traced<T>(traceparent: string | null | undefined, work: () => T): T {
  return current.run(TRACEPARENT.test(traceparent ?? '') ? (traceparent as string) : undefined, work);
}

/** The current trace context, to send along with messages. */
export function traceparent(): string | undefined {
  return current.getStore();
}

/**
 * Log fields that link a line to its trace in Cloud Logging.
 * https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
 */
export function traceFields(project: string | undefined): Record<string, unknown> {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent() ?? '') ?? [];
  if (traceId === undefined || project === undefined) return {};
  return {
    'logging.googleapis.com/trace': `projects/${project}/traces/${traceId}`,
    'logging.googleapis.com/spanId': spanId,
    'logging.googleapis.com/trace_sampled': (Number.parseInt(flags as string, 16) & SAMPLED) === SAMPLED,
  };
}
