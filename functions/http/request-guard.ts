/** Checks host, origin, API key and rate, before routing and before the body is read. */
import { RequestError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { sameSecret } from '../base/same-secret.ts';
import { createRateLimit, rateLimitHeaders } from './rate-limit.ts';
import { createRefusalLog } from './refusal-log.ts';
import { createWrongKeys } from './wrong-keys.ts';

export interface RequestGuardOptions {
  /** If undefined, anyone who reaches the port may call. */
  apiKey: string | undefined;
  /** Which host names are accepted; all if undefined. */
  hosts?: ((hostname: string) => boolean) | undefined;
  /** Origins (scheme, host, port) of pages that may send requests. */
  origins: (url: URL) => readonly string[];
  /** Origins of other sites whose pages may do so, too. */
  corsOrigins?: readonly string[];
  /** Requests with the same address are counted together. */
  clientAddressOf: (request: Request) => string;
  /** Limit per caller; Infinity means no limit. */
  requestsPerMinute: number;
  log: Log;
  /** A monotonic clock in milliseconds. */
  now?: (() => number) | undefined;
}

/** What is asked for, as far as it matters here. */
export interface Asked {
  /** Whether the address needs no key. */
  isOpen: boolean;
  /** Counts apart what is asked for without the key. */
  countedAs?: 'probe' | 'preflight' | 'upload' | 'access' | 'file' | undefined;
}

/** Files of the page that an address may always ask for, so that the page loads whole, whatever the limit is. */
const FILES_PER_MINUTE = 2_000;

/** Resolves if the request is allowed, with headers for its answer. Rejects with RequestError: 421, 403, 429, 401. */
export type RequestGuard = (request: Request, url: URL, asked: Asked) => Promise<AnswerHeaders>;

type AnswerHeaders = Readonly<Record<string, string>>;

export function createRequestGuard(options: RequestGuardOptions): RequestGuard {
  const { apiKey, hosts, origins, corsOrigins = [], clientAddressOf, requestsPerMinute } = options;
  const clock = options.now === undefined ? {} : { now: options.now };
  const filesPerMinute = Math.max(requestsPerMinute, FILES_PER_MINUTE);
  const limits =
    requestsPerMinute === Number.POSITIVE_INFINITY
      ? undefined
      : {
          requests: createRateLimit({ perMinute: requestsPerMinute, ...clock }),
          files: createRateLimit({ perMinute: filesPerMinute, ...clock }),
        };
  const refusals = createRefusalLog(options.log);
  const wrongKeys = createWrongKeys({ onDelay: refusals.lockedOut, ...clock });

  const checkRate = (caller: string, countedAs?: Asked['countedAs'] | 'stranger'): AnswerHeaders => {
    if (limits === undefined) return {};
    const [limit, perMinute] =
      countedAs === 'file' ? [limits.files, filesPerMinute] : [limits.requests, requestsPerMinute];
    const quota = limit.take(countedAs === undefined ? caller : `${countedAs} ${caller}`);
    const headers = rateLimitHeaders(perMinute, quota);
    if (quota.waitSeconds === 0) return headers;
    const expectation = `at most ${perMinute} requests a minute from one address, got more`;
    throw tooMany(expectation, quota.waitSeconds, headers);
  };
  /**
   * The right key always works, and at once: a guesser behind the same address locks no one out. That tells a guesser
   * nothing of use, because nobody finds 16 random characters by trying. Delays hold down the work that guesses cause, also
   * at open addresses, where the count tells whether a key is right.
   */
  const checkKey = async (request: Request, caller: string, expected: string, asked: Asked) => {
    const given = keyOf(request);
    if (given !== undefined && sameSecret(given, expected)) return checkRate(caller);
    // Apart, so that strangers use up nothing of what the holders of the key at their address have, nor see it.
    const headers = checkRate(caller, asked.countedAs ?? 'stranger');
    const wait = given === undefined ? 0 : await wrongKeys.add(caller, request.signal);
    if (wait > 0) throw tooMany('the API key after several wrong ones, got another wrong one', wait, headers);
    if (asked.isOpen) return headers;
    throw new RequestError(
      'unauthorized',
      `Expected the API key, got ${given === undefined ? 'none' : 'another one'}.`,
      { headers: { ...headers, 'www-authenticate': 'Bearer' } },
    );
  };

  return async (request, url, asked) => {
    const caller = clientAddressOf(request);
    try {
      checkHost(request, url, hosts);
      checkSite(request, { own: origins(url), listed: corsOrigins });
      if (apiKey !== undefined) return await checkKey(request, caller, apiKey, asked);
      return checkRate(caller, asked.countedAs);
    } catch (error) {
      if (RequestError.is(error)) refusals.refused(caller, error.code);
      throw error;
    }
  };
}

function tooMany(expectation: string, waitSeconds: number, headers: AnswerHeaders): RequestError {
  return new RequestError(
    'too_many_requests',
    `Expected ${expectation}. Send it again in ${waitSeconds} s.`,
    { headers: { ...headers, 'retry-after': String(waitSeconds) } },
  );
}

/**
 * The host is named once (RFC 9112, section 3.2): several Host headers arrive here joined by commas, and a request line
 * with a whole URL may name another host than the header. Who names two means to get past someone who checks one.
 *
 * `hosts` protects a service without a key from DNS rebinding: an attacker can point a host name of theirs at this machine.
 */
function checkHost(request: Request, url: URL, hosts: RequestGuardOptions['hosts']): void {
  const header = request.headers.get('host');
  if (header !== null && URL.parse(`${url.protocol}//${header}`)?.host !== url.host) {
    throw new RequestError(
      'wrong_host',
      `Expected one Host header, that of the requested URL, got ${JSON.stringify(header.slice(0, 80))}.`,
    );
  }
  if (hosts === undefined || hosts(url.hostname)) return;
  throw new RequestError(
    'wrong_host',
    `Expected a host name of this machine, got ${JSON.stringify(url.hostname)}.`,
  );
}

/**
 * A page of another site can make a browser send a request here, though it cannot read the answer. Browsers say so in
 * headers that no page can set. Other clients send none of them. https://www.w3.org/TR/fetch-metadata/
 * A person who follows a link from elsewhere still gets the page: https://web.dev/articles/fetch-metadata
 */
function checkSite(
  request: Request,
  { own, listed }: { own: readonly string[]; listed: readonly string[] },
): void {
  // A preflight. Its answer approves something only for listed origins.
  if (request.method === 'OPTIONS') return;
  const site = request.headers.get('sec-fetch-site') ?? 'none';
  const origin = request.headers.get('origin');
  if (origin !== null && listed.includes(origin)) return;
  const fromHere = site === 'same-origin' || site === 'none';
  if (origin === null || own.includes(origin)) {
    if (fromHere || isFollowedLink(request)) return;
  }
  const got = fromHere
    ? `the origin ${JSON.stringify(origin?.slice(0, 80))}`
    : `Sec-Fetch-Site: ${JSON.stringify(site.slice(0, 20))}`;
  throw new RequestError(
    'cross_site',
    `Expected a request from a page of this service or from outside a browser, got ${got}.`,
  );
}

/** In a tab of its own: neither a frame nor an object of another page, which could show it as part of itself. */
function isFollowedLink({ method, headers }: Request): boolean {
  return (
    method === 'GET' &&
    headers.get('sec-fetch-mode') === 'navigate' &&
    headers.get('sec-fetch-dest') === 'document'
  );
}

/** X-API-Key takes precedence, because Cloud Run may need Authorization for a token of its own. */
function keyOf(request: Request): string | undefined {
  const bearer = /^Bearer (.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  return request.headers.get('x-api-key') ?? bearer;
}
