/** Makes every request a part of its caller's trace, and measures it. */
import { record } from '../base/telemetry/metrics.ts';
import { inSpan, markFailed, SpanKind } from '../base/telemetry/spans.ts';
import { traced } from '../base/trace.ts';

/** Called once it is known which route the request has. */
export type NoteRoute = (path: string) => void;

/** https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'];
const SERVER_ERROR = 500;

export async function measured(
  request: Request,
  answer: (note: NoteRoute) => Promise<Response>,
): Promise<Response> {
  const began = performance.now();
  const method = METHODS.includes(request.method) ? request.method : '_OTHER';
  const about = { 'http.request.method': method };
  return await traced(request.headers.get('traceparent'), () =>
    inSpan(method, { kind: SpanKind.SERVER, attributes: about }, async (span) => {
      let route: string | undefined;
      const response = await answer((path) => {
        route = path;
        span.updateName(`${method} ${path}`);
        span.setAttribute('http.route', path);
      });
      const { status } = response;
      span.setAttribute('http.response.status_code', status);
      const failure = status >= SERVER_ERROR ? String(status) : undefined;
      if (failure !== undefined) markFailed(span, failure);
      record('http.server.request.duration', (performance.now() - began) / 1000, {
        ...about,
        'http.route': route,
        'http.response.status_code': status,
        'error.type': failure,
      });
      return response;
    }),
  );
}
