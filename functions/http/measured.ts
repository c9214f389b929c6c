/** Makes requests a part of their caller's trace, and measures each of them. */
import { record } from '../base/telemetry/metrics.ts';
import { inSpan, markFailed, type Span, SpanKind } from '../base/telemetry/spans.ts';
import { isSampled, traced } from '../base/trace.ts';

/** Called once it is known which route the request has. */
export type NoteRoute = (path: string) => void;

/** https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const READING = ['GET', 'HEAD', 'OPTIONS'];
const SERVER_ERROR = 500;

export async function measured(
  request: Request,
  answer: (note: NoteRoute) => Promise<Response>,
): Promise<Response> {
  const method = METHODS.includes(request.method) ? request.method : '_OTHER';
  return await traced(request.headers.get('traceparent'), () => {
    // Whoever waits for a task asks again and again, and so do health checks: these begin no traces of their own.
    if (READING.includes(method) && !isSampled()) return answered(method, undefined, answer);
    const choices = { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } };
    return inSpan(method, choices, (span) => answered(method, span, answer));
  });
}

async function answered(
  method: string,
  span: Span | undefined,
  answer: (note: NoteRoute) => Promise<Response>,
): Promise<Response> {
  const began = performance.now();
  let route: string | undefined;
  const response = await answer((path) => {
    route = path;
    span?.updateName(`${method} ${path}`);
    span?.setAttribute('http.route', path);
  });
  const { status } = response;
  span?.setAttribute('http.response.status_code', status);
  const failure = status >= SERVER_ERROR ? String(status) : undefined;
  if (failure !== undefined && span !== undefined) markFailed(span, failure);
  record('http.server.request.duration', (performance.now() - began) / 1000, {
    'http.request.method': method,
    'http.route': route,
    'http.response.status_code': status,
    'error.type': failure,
  });
  return response;
}
