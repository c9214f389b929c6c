/** Spans: what was done when, as part of what. Costs next to nothing until a host starts OpenTelemetry's SDK. */
import {
  type Attributes,
  type Context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api';
import { isNoProblem, PermanentError, RequestError, TransientError } from '../errors.ts';
import { contextOf, currentSpan, within } from '../trace.ts';
import { VERSION } from '../version.ts';
import { waiting } from '../working-time.ts';
import type { AttributesOf } from './instruments.ts';
import { record, SCOPE } from './metrics.ts';

export { type Span, SpanKind };

/** Whether spans go anywhere. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer(SCOPE) !== undefined;
}

let made: { provider: TracerProvider; tracer: Tracer } | undefined;

/** Looked up once. A tracer that is made before the SDK is started finds it later. */
function tracer(): Tracer {
  const provider = trace.getTracerProvider();
  if (made?.provider !== provider) made = { provider, tracer: provider.getTracer(SCOPE, VERSION) };
  return made.tracer;
}

export interface SpanChoices {
  kind?: SpanKind;
  attributes?: Readonly<Record<string, string | number | undefined>>;
}

/** Runs `work` as a part of the current trace, or as the first part of a new one. */
export async function inSpan<T>(
  name: string,
  { kind = SpanKind.INTERNAL, attributes = {} }: SpanChoices,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const span = tracer().startSpan(name, { kind, attributes: attributes as Attributes }, parentContext());
  try {
    return await within(span, () => work(span));
  } catch (error) {
    markAs(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function parentContext(): Context {
  const around = currentSpan();
  return around === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, around);
}

/** Says more about the span that the current work is part of. */
export function describe(attributes: SpanChoices['attributes']): void {
  currentSpan()?.setAttributes(attributes as Attributes);
}

/** Lets the current span refer to that of other work. */
export function referTo(traceparent: string | undefined): void {
  const context = contextOf(traceparent);
  if (context !== undefined) currentSpan()?.addLink({ context });
}

/** Says why work has ended. What only waits for other work has not failed. */
export function markAs(span: Span, error: unknown): void {
  if (isNoProblem(error)) span.setAttribute('error.type', errorType(error));
  else markFailed(span, errorType(error));
}

/** @param type of the error. Its message may name files and addresses of callers: the log has it, under the same trace. */
export function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR, message: type });
}

type StageAttributes = AttributesOf<'every_cut.stage.duration'>;
export type StageName =
  | 'queue_wait'
  | 'place_wait'
  | 'download'
  | 'probe'
  | 'conform'
  | 'measure'
  | 'speak'
  | 'mix'
  | 'store'
  | 'join'
  | 'save'
  | 'report';

/** One try of one stage: a span of that name, and its seconds. @param kind what it is about, such as "clip" */
export async function step<T>(
  stage: StageName,
  kind: string | undefined,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  const attributes: StageAttributes = { 'every_cut.stage': stage, 'every_cut.kind': kind };
  const end = (more: StageAttributes = {}) =>
    record('every_cut.stage.duration', (performance.now() - began) / 1000, { ...attributes, ...more });
  try {
    const value = await inSpan(stage, { attributes: { 'every_cut.kind': kind } }, work);
    end();
    return value;
  } catch (error) {
    end({ 'error.type': errorType(error) });
    throw error;
  }
}

/** Spans of shorter waits say nothing: most places are free. */
const LEAST_WAIT_MS = 10;

/**
 * Begins to wait for a place among those that bound work. Call the result once: when the place is there, or with the error.
 * @param place such as "encoder"; also what another call is making, such as "soundtrack"
 */
export function beginWait(place: string): (error?: unknown) => void {
  const began = performance.now();
  return (error) => {
    const ms = performance.now() - began;
    const failure = error === undefined ? {} : { 'error.type': errorType(error) };
    const attributes = { 'every_cut.kind': place, ...failure };
    record('every_cut.stage.duration', ms / 1000, { 'every_cut.stage': 'place_wait', ...attributes });
    if (ms >= LEAST_WAIT_MS) pastSpan('place_wait', ms, attributes);
  };
}

/** The same for a wait that is over when `entering` is. It does not count as work. */
export async function waitForPlace<T>(place: string, entering: () => Promise<T>): Promise<T> {
  const end = beginWait(place);
  try {
    const entered = await waiting(entering);
    end();
    return entered;
  } catch (error) {
    end(error);
    throw error;
  }
}

/** A part of the current trace that has just ended. */
function pastSpan(name: string, ms: number, attributes: NonNullable<SpanChoices['attributes']>): void {
  const now = Date.now();
  const choices = { attributes: attributes as Attributes, startTime: new Date(now - ms) };
  tracer().startSpan(name, choices, parentContext()).end(new Date(now));
}

/** The code of an expected error; of others, their class. There are few of both. */
export function errorType(error: unknown): string {
  if (PermanentError.is(error) || TransientError.is(error) || RequestError.is(error)) return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
