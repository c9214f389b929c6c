/** Checks rate, host, origin and API key, before routing and before the body is read. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { RequestError } from '../base/errors.ts';
import { createRateLimit } from './rate-limit.ts';

export interface RequestGuardOptions {
  /** If undefined, anyone who reaches the port may call. */
  apiKey: string | undefined;
  /** Which host names are accepted; all if undefined. */
  hosts?: ((hostname: string) => boolean) | undefined;
  /** Origins (scheme, host, port) of pages that may send requests with side effects. */
  origins: (url: URL) => readonly string[];
  /** Requests with the same address are counted together. */
  clientAddressOf: (request: Request) => string;
  /** Limit per caller; Infinity means no limit. */
  requestsPerMinute: number;
  /** A monotonic clock in milliseconds. */
  now?: (() => number) | undefined;
}

/** Returns if the request is allowed. Throws RequestError: 429, 421, 403, 401. */
export type RequestGuard = (request: Request, url: URL) => void;

/** Limit per caller: up to this many wrong keys are mistakes, more are guesses. */
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
    // Checked before the comparison, so that over the limit even the right key tells a guesser nothing.
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

/** Protects a service without a key from DNS rebinding: an attacker can point a host name of theirs at this machine. */
function checkHost(url: URL, hosts: RequestGuardOptions['hosts']): void {
  if (hosts === undefined || hosts(url.hostname)) return;
  throw new RequestError(
    'wrong_host',
    `Expected a host name of this machine, got ${JSON.stringify(url.hostname)}.`,
  );
}

/**
 * A page of another site can make a browser send a request here, though it cannot read the answer. Browsers say so in
 * two headers that no page can set. Other clients send neither. https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
function checkSite(request: Request, own: readonly string[]): void {
  if (SAFE_METHODS.includes(request.method)) return;
  const site = request.headers.get('sec-fetch-site') ?? 'none';
  const origin = request.headers.get('origin');
  const fromHere = site === 'same-origin' || site === 'none';
  if (fromHere && (origin === null || own.includes(origin))) return;
  throw new RequestError(
    'cross_site',
    `Expected a request from a page of this service or from outside a browser, got ${fromHere ? `the origin ${JSON.stringify(origin?.slice(0, 80))}` : `Sec-Fetch-Site: ${JSON.stringify(site.slice(0, 20))}`}.`,
  );
}

/** X-API-Key takes precedence, because Cloud Run may need Authorization for a token of its own. */
function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return request.headers.get('x-api-key') ?? bearer;
}

/** Compares in constant time, so that timing reveals nothing. The hashes have the equal lengths that this needs. */
function sameSecret(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(one), digest(other));
}
