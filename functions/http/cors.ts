/** Lets pages of the origins that CORS_ORIGINS lists use the interface: https://fetch.spec.whatwg.org/#http-cors-protocol */

/** Whatever any address takes, now or later. */
const METHODS = ['DELETE', 'GET', 'HEAD', 'POST', 'PUT'];
/** Request headers that a page may set. */
const REQUEST_HEADERS = [
  'content-type',
  'x-api-key',
  'authorization',
  'idempotency-key',
  'if-none-match',
  'if-modified-since',
  'range',
  'if-range',
  'x-request-id',
  // Those of the Model Context Protocol, of all its versions.
  'mcp-protocol-version',
  'mcp-method',
  'mcp-name',
  'mcp-session-id',
  'last-event-id',
];
/** Headers of answers that a page may read besides those that it always may. */
const ANSWER_HEADERS = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Range',
  'ETag',
  'Idempotency-Replayed',
  'Location',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];
/** For so long a browser may believe an earlier preflight, also when the origin is not listed any more. */
const MAX_AGE_SECONDS = 600;

/** What the answer to this request needs so that the page may read it, also if it is an error. */
export function corsHeaders(request: Request, listed: readonly string[]): Readonly<Record<string, string>> {
  if (listed.length === 0) return {};
  const origin = request.headers.get('origin');
  // A cache must not show a page what it has for others: the page could not read it.
  if (origin === null || !listed.includes(origin)) return { vary: 'Origin' };
  return {
    'access-control-allow-origin': origin,
    'access-control-expose-headers': ANSWER_HEADERS.join(', '),
    'cross-origin-resource-policy': 'cross-origin',
    vary: 'Origin',
  };
}

/** Whether a browser asks what a page of a listed origin may send. */
export function isPreflight({ method, headers }: Request, listed: readonly string[]): boolean {
  return (
    method === 'OPTIONS' &&
    headers.has('access-control-request-method') &&
    listed.includes(headers.get('origin') ?? '')
  );
}

/**
 * The same for every path, because it needs no key, and whoever has none learns nothing about paths. A wrong method or path
 * is refused by the request itself, whose answer the page can read.
 */
export function preflightAnswer(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': METHODS.join(', '),
      'access-control-allow-headers': REQUEST_HEADERS.join(', '),
      'access-control-max-age': String(MAX_AGE_SECONDS),
    },
  });
}

/** The answer with more headers, which stays the same object: a copy would be sent as a stream, without its length. */
export function withHeaders(response: Response, more: Readonly<Record<string, string>>): Response {
  for (const [name, value] of Object.entries(more)) {
    // It adds to what the answer says itself.
    if (name === 'vary') response.headers.append(name, value);
    else response.headers.set(name, value);
  }
  return response;
}
