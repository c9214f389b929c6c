/**
 * Which trace the work at hand belongs to, from the request that a caller posted to the last message that came of it.
 * https://www.w3.org/TR/trace-context/
 */
import { AsyncLocalStorage } from 'node:async_hooks';

/** Neither version ff nor ids of zeros only. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;
const SAMPLED = 1;

const current = new AsyncLocalStorage<string | undefined>();

/** Runs work within the trace of that header or attribute; outside of any where it is none. */
export function traced<T>(traceparent: string | null | undefined, work: () => T): T {
  return current.run(TRACEPARENT.test(traceparent ?? '') ? (traceparent as string) : undefined, work);
}

/** To pass on. */
export function traceparent(): string | undefined {
  return current.getStore();
}

/**
 * The fields by which Cloud Logging shows a line with its trace.
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
