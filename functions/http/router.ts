/** Routes each request to its handler and turns errors into problem documents. */
import { CLOSE_CONNECTION } from '../base/close-connection.ts';
import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { withoutEnd } from '../base/without-end.ts';
import { asProblem } from './as-problem.ts';
import { corsHeaders, isPreflight, preflightAnswer, withHeaders } from './cors.ts';
import { measured, type NoteRoute } from './measured.ts';
import { checkQuery } from './query.ts';
import type { Asked, RequestGuard } from './request-guard.ts';
import type { Route } from './route.ts';
import { ROUTES, type RouteDeps } from './routes/routes.ts';

export interface ApiDeps extends RouteDeps {
  log: Log;
  /** Runs first, so that a refused caller does not even learn which paths exist. */
  guard: RequestGuard;
  /** Origins of other sites whose pages may use the interface. */
  corsOrigins?: readonly string[];
  /** Wraps every handler. */
  run: <T>(what: string, work: () => Promise<T>) => Promise<T>;
}

/** Characters of path and query. The longest addresses of this interface list a thousand videos. */
const MAX_TARGET = 8_192;
/** Bytes of a body that may arrive unread: what Node takes from a connection at a time. */
const MAX_UNREAD = 64 * 1024;
/** Longest part of a path that a message repeats. */
const MAX_SHOWN = 80;

const MATCHERS = ROUTES.flatMap((route) =>
  [route.path, ...(route.aliases ?? [])].map((path) => ({ route, pattern: patternOf(path) })),
);

/** `/tasks/{task_id}` as an expression with named groups. */
function patternOf(path: string): RegExp {
  const parts = path.split(/(\{\w+\})/).map((part) => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    return name === undefined ? part.replaceAll('.', '\\.') : `(?<${name}>[^/]+)`;
  });
  return new RegExp(`^${parts.join('')}$`);
}

interface Found {
  route: Route<RouteDeps>;
  parts: Record<string, string>;
}

/** @param path as it was asked for; with slashes at its end, it is that of an address of the interface all the same */
function routesAt(path: string): Found[] {
  const plain = plainPath(path);
  return MATCHERS.flatMap(({ route, pattern }) => {
    const match = pattern.exec(route.isPage ? path : plain);
    return match === null ? [] : [{ route, parts: { ...match.groups } }];
  });
}

function plainPath(path: string): string {
  return withoutEnd(path, '/') || '/';
}

/** The HTTP API, the same on every host. Never throws: every error becomes a problem document. */
export function createApi(deps: ApiDeps): (request: Request) => Promise<Response> {
  return (request) =>
    measured(request, async (note) => {
      const headers: Record<string, string> = { ...corsHeaders(request, deps.corsOrigins ?? []) };
      const response = await answer(request, deps, note, (more) => Object.assign(headers, more)).catch(
        (error: unknown) => asProblem(error, deps.log),
      );
      if (leavesBody(request, response)) Object.assign(headers, CLOSE_CONNECTION);
      const whole = withHeaders(response, headers);
      return request.method === 'HEAD' ? withoutBody(whole) : whole;
    });
}

/** Whether the caller may go on sending a body that nobody reads. A short one arrives anyway. */
function leavesBody({ headers, bodyUsed }: Request, { status }: Response): boolean {
  if (status < 400 || bodyUsed) return false;
  // Without either header there is no body: RFC 9112, section 6.3.
  return headers.has('transfer-encoding') || Number(headers.get('content-length') ?? 0) > MAX_UNREAD;
}

/** @param add takes headers for the answer, whatever it will be */
async function answer(
  request: Request,
  deps: ApiDeps,
  note: NoteRoute,
  add: (headers: Readonly<Record<string, string>>) => void,
): Promise<Response> {
  const url = urlOf(request);
  checkLength(url);
  if (isPreflight(request, deps.corsOrigins ?? [])) {
    add(await deps.guard(request, url, { isOpen: true, countedAs: 'preflight' }));
    return preflightAnswer();
  }
  const path = plainPath(url.pathname);
  const routes = routesAt(url.pathname).filter(({ route }) => route.isOffered?.(deps) ?? true);
  // Whatever answers GET answers HEAD, too: RFC 9110, section 9.1.
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const found = routes.find(({ route }) => route.method === method);
  if (found !== undefined) note(found.route.path);
  add(await deps.guard(request, url, askedOf(found, url.searchParams, deps)));
  if (routes.length === 0) {
    throw new RequestError(
      'not_found',
      `Expected a path of this service, got ${JSON.stringify(path.slice(0, MAX_SHOWN))}.`,
    );
  }
  if (found === undefined) {
    const allow = routes.map(({ route }) => (route.method === 'GET' ? 'GET, HEAD' : route.method)).join(', ');
    const got = `${path.slice(0, MAX_SHOWN)}, got ${request.method}`;
    throw new RequestError('method_not_allowed', `Expected ${allow} for ${got}.`, {
      hint: `Send it with ${allow}.`,
      headers: { allow },
    });
  }
  const { route, parts } = found;
  const fields = (route.body?.schema?.['properties'] ?? {}) as Record<string, unknown>;
  if (!route.isPage) checkQuery(url.searchParams, Object.keys(route.query ?? {}), Object.keys(fields));
  const call = { request, url, path: parts, query: url.searchParams, base: deps.baseUrl(request) };
  return deps.run(route.name, async () => route.answer(call, deps));
}

function askedOf(found: Found | undefined, query: URLSearchParams, deps: ApiDeps): Asked {
  if (found === undefined) return { isOpen: false };
  const { route, parts } = found;
  const permission = route.permissionOf?.({ path: parts, query }, deps);
  return permission === undefined
    ? { isOpen: route.isOpen ?? false, countedAs: route.countedAs }
    : { isOpen: true, ...permission };
}

/** The headers are those of GET (RFC 9110, section 9.3.2). */
function withoutBody({ status, headers, body }: Response): Response {
  body?.cancel().catch(() => {});
  return new Response(null, { status, headers });
}

/** Throws RequestError if the Host header is invalid, for example if its port is 99999. */
function urlOf(request: Request): URL {
  const url = URL.parse(request.url);
  if (url !== null) return url;
  throw new RequestError(
    'wrong_host',
    'Expected a host name and a port in the Host header, got something else.',
  );
}

function checkLength({ pathname, search }: URL): void {
  const length = pathname.length + search.length;
  if (length <= MAX_TARGET) return;
  throw new RequestError(
    'address_too_long',
    `Expected a path and a query of at most ${MAX_TARGET} characters, got ${length}.`,
  );
}
