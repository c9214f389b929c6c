import type { Agent, Dispatcher } from 'undici';
import { PermanentError } from '../errors.ts';
import type { Download, Downloads, Validator } from '../ports.ts';
import { checkHostname, type GuardOptions, guardedLookup } from './address-guard.ts';
import { storeBody } from './body-file.ts';
import { announcedBytes, checkAnswer, header, validatorOf } from './download-answer.ts';
import { downloadError, permanent } from './download-errors.ts';

/** How long a server may take, milliseconds. */
export interface DownloadLimits {
  /** Name look-up, TCP and TLS. */
  connectMs: number;
  /** From the request to the last header of the answer. */
  headersMs: number;
  /** Between two pieces of the body. */
  idleMs: number;
  /** For all of it, redirects included. */
  totalMs: number;
}

export interface DownloadOptions extends GuardOptions {
  maxBytes: number;
  limits?: Partial<DownloadLimits>;
}

/** Total: below the 600 s after which a push message comes again. */
const LIMITS: DownloadLimits = { connectMs: 10_000, headersMs: 30_000, idleMs: 30_000, totalMs: 540_000 };
/** Share links take two or three hops; more is usually a circle. */
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Some hosts refuse clients without a name. */
const USER_AGENT = 'every-cut';

type Answer = Dispatcher.ResponseData;

/** Downloads over HTTP and HTTPS to addresses that were checked. Does not try again by itself: its stage does. */
export function createDownloads(options: DownloadOptions): Downloads & AsyncDisposable {
  const limits = { ...LIMITS, ...options.limits };
  let client: Promise<{ agent: Agent; request: typeof import('undici').request }> | undefined;

  /** undici is loaded at the first download: a process that only renders never needs it. */
  async function connect() {
    const { Agent, request } = await import('undici');
    const agent = new Agent({
      connect: { timeout: limits.connectMs, lookup: guardedLookup(options) },
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.idleMs,
      allowH2: false,
    });
    return { agent, request };
  }

  async function ask(url: URL, validator: Validator | undefined, signal: AbortSignal): Promise<Answer> {
    client ??= connect();
    const { agent, request } = await client;
    const { origin, pathname, search } = url;
    const headers = requestHeaders(url, validator);
    const answer = await request(origin + pathname + search, {
      dispatcher: agent,
      method: 'GET',
      headers,
      signal,
    });
    // A body nobody reads to its end must not take the process down with it.
    answer.body.on('error', () => {});
    return answer;
  }

  /** The first answer that is no redirect, and where it came from. */
  async function follow(start: URL, validator: Validator | undefined, signal: AbortSignal) {
    let url = start;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      checkHostname(url.hostname, options);
      const answer = await ask(url, validator, signal);
      const location = header(answer.headers, 'location');
      if (!REDIRECTS.has(answer.statusCode) || location === undefined) return { answer, url };
      answer.body.destroy();
      url = redirectTarget(location, url);
    }
    throw permanent(
      'source_refused',
      `Expected at most ${MAX_REDIRECTS} redirects from ${maskUrl(start.href)}, got more`,
      'use the address of the file itself',
    );
  }

  async function get(
    address: string,
    file: string,
    { validator, signal }: Parameters<Downloads['get']>[2],
  ): Promise<Download> {
    signal.throwIfAborted();
    const total = AbortSignal.timeout(limits.totalMs);
    const either = AbortSignal.any([signal, total]);
    let where = maskUrl(address);
    try {
      const { answer, url } = await follow(httpUrl(address), validator, either);
      where = maskUrl(url.href);
      if (answer.statusCode === 304 && validator) {
        await answer.body.dump();
        return { modified: false };
      }
      try {
        checkAnswer(answer, where, options.maxBytes);
        const { bytes, sha256 } = await storeBody(answer.body, file, {
          where,
          maxBytes: options.maxBytes,
          expected: { bytes: announcedBytes(answer.headers) },
          signal: either,
        });
        return { modified: true, bytes, sha256, validator: validatorOf(answer.headers) };
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      signal.throwIfAborted();
      throw downloadError(
        total.aborted && !PermanentError.is(error) ? timedOut(limits.totalMs, error) : error,
        where,
      );
    }
  }

  return {
    get,
    async [Symbol.asyncDispose]() {
      await (await client)?.agent.destroy();
    },
  };
}

/** A URL for messages and logs: without credentials, query and fragment, any of which may be secret. */
export function maskUrl(url: string): string {
  const parsed = URL.parse(url);
  if (!parsed) return '(not a URL)';
  const { protocol, host, pathname, search } = parsed;
  return `${protocol}//${host}${pathname}${search ? '?***' : ''}`;
}

function httpUrl(address: string): URL {
  const url = URL.parse(address);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw permanent(
    'source_refused',
    `Expected an http or https URL, got ${url ? `${url.protocol} in ${maskUrl(address)}` : 'something else'}`,
    'send the address that a browser downloads the file from',
  );
}

function redirectTarget(location: string, from: URL): URL {
  const target = URL.parse(location, from.href);
  if (target?.protocol === 'http:' || target?.protocol === 'https:') return target;
  throw permanent(
    'source_refused',
    `Expected a redirect to http or https from ${maskUrl(from.href)}, got ${target?.protocol ?? 'no URL'}`,
    'use the address of the file itself',
  );
}

/** Credentials go only where the URL itself carries them: never along with a redirect. */
function requestHeaders(url: URL, validator: Validator | undefined): Record<string, string> {
  const login = url.username || url.password;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return {
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': USER_AGENT,
    ...(login ? { authorization: `Basic ${Buffer.from(pair).toString('base64')}` } : {}),
    ...(validator?.etag ? { 'if-none-match': validator.etag } : {}),
    ...(validator?.lastModified ? { 'if-modified-since': validator.lastModified } : {}),
  };
}

function timedOut(totalMs: number, cause: unknown): Error {
  return Object.assign(new Error(`not finished after ${totalMs} ms`, { cause }), { code: 'ETIMEDOUT' });
}
