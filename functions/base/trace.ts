/**
 * Keeps the trace context of the current work, from a caller's request to the last message that results from it.
 * https://www.w3.org/TR/trace-context/
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type Span, type SpanContext, trace } from '@opentelemetry/api';

/** The specification forbids version ff and ids that are all zeros. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

const NO_SPAN = /^0*$/;
const SAMPLED = 1;

const current = new AsyncLocalStorage<Span | undefined>();

/** Runs `work` in the trace that a header or message attribute names; without a trace if the value is malformed. */
export function traced<T>(traceparent: string | null | undefined, work: () => T): T {
  const context = contextOf(traceparent);
  return current.run(context && trace.wrapSpanContext(context), work);
}

/** Runs `work` in the trace of a task, whoever asks for it. In none if the task has none. */
export function inTraceOf<T>({ traceparent }: { traceparent?: string }, work: () => T): T {
  return traced(traceparent, work);
}

/** Runs `work` as part of that span; without a valid one, of the span around it. */
export function within<T>(span: Span, work: () => T): T {
  return NO_SPAN.test(span.spanContext().spanId) ? work() : current.run(span, work);
}

/** The span that the current work is part of. One of another process takes no attributes. */
export function currentSpan(): Span | undefined {
  return current.getStore();
}

/** Whether whoever began the current trace keeps it. */
export function isSampled(): boolean {
  return ((current.getStore()?.spanContext().traceFlags ?? 0) & SAMPLED) === SAMPLED;
}

/** The span that a header, a message or a task names. */
export function contextOf(traceparent: string | null | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

/** The current trace context, to send along with messages. */
export function traceparent(): string | undefined {
  const context = current.getStore()?.spanContext();
  if (context === undefined) return undefined;
  const flags = context.traceFlags.toString(16).padStart(2, '0');
  return `00-${context.traceId}-${context.spanId}-${flags}`;
}

/**
 * Log fields that link a line to its trace: under the names of OpenTelemetry, and in a project under those of Cloud
 * Logging. https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
 */
export function traceFields(project?: string): Record<string, unknown> {
  const context = current.getStore()?.spanContext();
  if (context === undefined) return {};
  const { traceId, spanId } = context;
  return {
    trace_id: traceId,
    span_id: spanId,
    ...(project !== undefined && {
      'logging.googleapis.com/trace': `projects/${project}/traces/${traceId}`,
      'logging.googleapis.com/spanId': spanId,
      'logging.googleapis.com/trace_sampled': isSampled(),
    }),
  };
}
