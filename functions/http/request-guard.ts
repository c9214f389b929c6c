/** Whom the HTTP interface lets in. All of it is asked before a route is looked for and before a body is read. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../base/errors.ts';
import { createRateLimit } from './rate-limit.ts';

export interface RequestGuardOptions {
  /** Undefined: open to whoever reaches the port. */
  apiKey: string | undefined;
  /** Host names that are answered; undefined: all. */
  hosts?: ((hostname: string) => boolean) | undefined;
  /** Origins (scheme, host, port) whose pages may ask for a change. */
  origins: (url: URL) => readonly string[];
  /** Whose requests are counted together. */
  clientAddressOf: (request: Request) => string;
  /** Of one caller; Infinity: as many as it likes. */
  requestsPerMinute: number;
  /** Milliseconds that only go forward. */
  now?: (() => number) | undefined;
}

/** Returns for who may come in. Throws RequestError: 429, 421, 403, 401. */
export type RequestGuard = (request: Request, url: URL) => void;

/** Of one caller. Who has a key sends it; this many are mistakes, more are guesses. */
const WRONG_KEYS_PER_MINUTE = 10;
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

export function createRequestGuard(options: RequestGuardOptions): RequestGuard {
  const { apiKey, hosts, origins, clientAddressOf, requestsPerMinute } = options;
  const now = options.now === undefined ? {} : { now: options.now };
  const requests =
    requestsPerMinute === Number.POSITIVE_INFINITY
      ? undefined
      : createRateLimit({ perMinute: requestsPerMinute, ...now });
  const wrongKeys = createRateLimit({ perMinute: WRONG_KEYS_PER_MINUTE, ...now });
  return (request, url) => {
    const caller = clientAddressOf(request);
    checkRate(requests?.take(caller) ?? 0, `${requestsPerMinute} requests`);
    checkHost(url, hosts);
    checkSite(request, origins(url));
    if (apiKey === undefined) return;
    // Before they are compared: whoever guesses learns nothing more, not even from the right one.
    checkRate(wrongKeys.wait(caller), `${WRONG_KEYS_PER_MINUTE} wrong keys`);
    const given = keyOf(request);
    if (given !== undefined && sameSecret(given, apiKey)) return;
    if (given !== undefined) wrongKeys.take(caller);
    throw new RequestError(
      'unauthorized',
      `Expected the API key, got ${given === undefined ? 'none' : 'another one'}.`,
      { headers: { 'www-authenticate': 'Bearer' } },
    );
  };
}

function checkRate(waitSeconds: number, limit: string): void {
  if (waitSeconds === 0) return;
  throw new RequestError(
    'too_many_requests',
    `Expected at most ${limit} a minute from one address, got more. Send it again in ${waitSeconds} s.`,
    { headers: { 'retry-after': String(waitSeconds) } },
  );
}

/** A name that an attacker's page was made to point here must not reach a service that asks for no key. */
function checkHost(url: URL, hosts: RequestGuardOptions['hosts']): void {
  if (hosts === undefined || hosts(url.hostname)) return;
  throw new RequestError(
    'wrong_host',
    `Expected a host name of this machine, got ${JSON.stringify(url.hostname)}.`,
  );
}

/**
 * A page of another site can make a browser send a request here, though it cannot read the answer. Browsers tell by two
 * headers that no page can set; who is no browser sends neither. https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
function checkSite(request: Request, own: readonly string[]): void {
  if (SAFE_METHODS.includes(request.method)) return;
  const site = request.headers.get('sec-fetch-site') ?? 'none';
  const origin = request.headers.get('origin');
  const fromHere = site === 'same-origin' || site === 'none';
  if (fromHere && (origin === null || own.includes(origin))) return;
  throw new RequestError(
    'cross_site',
    `Expected a page of this service or no browser, got ${fromHere ? `the origin ${JSON.stringify(origin?.slice(0, 80))}` : `Sec-Fetch-Site: ${JSON.stringify(site.slice(0, 20))}`}.`,
  );
}

/** X-API-Key counts where there are both: in front of a function, Authorization may carry what the platform asks for. */
function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return request.headers.get('x-api-key') ?? bearer;
}

/** In a time that tells nothing about where they differ; hashing makes the lengths equal. */
function sameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
