import type { Agent, Dispatcher } from 'undici';
import { PermanentError } from '../../base/errors.ts';
import { timeLimit } from '../../base/time-limit.ts';
import type { Download, Validator } from '../../model/source.ts';
import { maskUrl } from '../../model/web-url.ts';
import type { Downloads } from '../../ports.ts';
import { type BodyOptions, storeBody } from '../shared/body-file.ts';
import { downloadError, permanent, tooSlow } from '../shared/network-errors.ts';
import { announcedBytes, checkAnswer, header, validatorOf } from '../shared/source-answer.ts';
import { type ConnectorBuilder, type GuardOptions, guardedConnector } from './address-guard.ts';
import { boundedConnector } from './bounded-connector.ts';
import { redirectTarget, sourceUrl } from './url.ts';

/** How long a server may take, milliseconds. */
export interface DownloadLimits {
  /** DNS, TCP and TLS. */
  connectMs: number;
  /** From the request to the last header of the answer. */
  headersMs: number;
  /** From the start to the last header of the file's own answer, redirects included. */
  answerMs: number;
  /** Between two pieces of the body. */
  idleMs: number;
  /** For the whole download, including redirects. */
  totalMs: number;
}

export interface DownloadOptions extends GuardOptions, Pick<BodyOptions, 'room' | 'leastRate'> {
  maxBytes: number;
  limits?: Partial<DownloadLimits>;
  /** Opens the sockets; undici's own by default. Tests use it to redirect public addresses to loopback. */
  buildConnector?: ConnectorBuilder;
}

/** The total is below the 600 s after which Pub/Sub delivers a push message again. */
const LIMITS: DownloadLimits = {
  connectMs: 10_000,
  headersMs: 30_000,
  answerMs: 40_000,
  idleMs: 30_000,
  totalMs: 540_000,
};
/** Share links take two or three redirects; more is usually a loop. */
const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Interim answers (1xx): a server may send a few while it works. No other limit ends a flood of them soon. */
const MAX_INTERIM = 20;
/** Node's default, set here so that it does not depend on how the process was started. */
const MAX_HEADER_BYTES = 16_384;
/** Some hosts refuse clients without a name. */
const USER_AGENT = 'every-cut';

type Answer = Dispatcher.ResponseData;

export interface WebDownloads extends AsyncDisposable {
  /** As Downloads.get, without credentials. */
  get(url: string, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
}

/** Downloads over HTTP and HTTPS, from checked addresses only. Does not retry, because the stage does. */
export function createWebDownloads(options: DownloadOptions): WebDownloads {
  const limits = { ...LIMITS, ...options.limits };
  let client: Promise<{ agent: Agent; request: typeof import('undici').request }> | undefined;

  /** Loads undici at the first download: a process that only renders never needs it. */
  async function connect() {
    const { Agent, buildConnector, request } = await import('undici');
    const agent = new Agent({
      connect: boundedConnector(
        guardedConnector(options.buildConnector ?? buildConnector, { ...options, timeout: limits.connectMs }),
        options.maxBytes,
      ),
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.idleMs,
      maxHeaderSize: MAX_HEADER_BYTES,
      allowH2: false,
    });
    return { agent, request };
  }

  async function ask(url: URL, validator: Validator | undefined, signal: AbortSignal): Promise<Answer> {
    client ??= connect();
    const { agent, request } = await client;
    const { origin, pathname, search } = url;
    const flood = new AbortController();
    let interim = 0;
    const answer = await request(origin + pathname + search, {
      dispatcher: agent,
      method: 'GET',
      headers: requestHeaders(validator),
      // One connection per request: its bytes can be counted, and its address was checked for this request.
      reset: true,
      signal: AbortSignal.any([signal, flood.signal]),
      onInfo() {
        interim += 1;
        if (interim > MAX_INTERIM) flood.abort(tooManyInterim(url));
      },
    });
    // An error of a body that is not read must not end the process.
    answer.body.on('error', () => {});
    return answer;
  }

  /** The first answer that is not a redirect, and its URL. */
  async function follow(start: URL, validator: Validator | undefined, signal: AbortSignal) {
    let url = start;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await ask(url, validator, signal);
      const location = header(answer.headers, 'location');
      if (!REDIRECTS.has(answer.statusCode) || location === undefined) return { answer, url };
      answer.body.destroy();
      url = redirectTarget(location, url);
    }
    throw permanent(
      'source_refused',
      `Expected at most ${MAX_REDIRECTS} redirects from ${maskUrl(start)}, got more`,
      'use the address of the file itself',
    );
  }

  /** All hops together have little time, as a server may answer each of them just before it would be too late. */
  async function answered(start: URL, validator: Validator | undefined, signal: AbortSignal) {
    const { answerMs } = limits;
    const late = () => tooSlow(maskUrl(start), `no answer after ${answerMs} ms`);
    using answering = timeLimit(answerMs, late, signal);
    return await follow(start, validator, answering.signal);
  }

  async function get(
    address: string,
    file: string,
    { validator, signal }: Parameters<Downloads['get']>[2],
  ): Promise<Download> {
    signal.throwIfAborted();
    const total = AbortSignal.timeout(limits.totalMs);
    const either = AbortSignal.any([signal, total]);
    const start = sourceUrl(address);
    let where = maskUrl(start);
    try {
      const { answer, url } = await answered(start, validator, either);
      where = maskUrl(url);
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
          room: options.room,
          leastRate: options.leastRate,
          signal: either,
        });
        return { modified: true, bytes, sha256, validator: validatorOf(answer.headers) };
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (total.aborted && !PermanentError.is(error)) {
        throw tooSlow(where, `not finished after ${limits.totalMs} ms`, { cause: error });
      }
      throw downloadError(error, where);
    }
  }

  return {
    get,
    async [Symbol.asyncDispose]() {
      await (await client)?.agent.destroy();
    },
  };
}

/** No credentials: URLs that have any are refused. */
function requestHeaders(validator: Validator | undefined): Record<string, string> {
  return {
    accept: '*/*',
    'accept-encoding': 'identity',
    'user-agent': USER_AGENT,
    ...(validator?.etag ? { 'if-none-match': validator.etag } : {}),
    ...(validator?.lastModified ? { 'if-modified-since': validator.lastModified } : {}),
  };
}

function tooManyInterim(url: URL): PermanentError {
  return permanent(
    'source_refused',
    `Expected an answer from ${maskUrl(url)}, got more than ${MAX_INTERIM} interim answers (status 1xx)`,
    'have its server answer with the file',
  );
}
