import { awakeLimit } from '../../base/awake.ts';
import { PermanentError } from '../../base/errors.ts';
import { timeLimit } from '../../base/time-limit.ts';
import type { Download, Validator } from '../../model/source.ts';
import { maskUrl } from '../../model/web-url.ts';
import type { Downloads } from '../../ports/downloads.ts';
import { type BodyOptions, storeBody } from '../shared/body-file.ts';
import { downloadError, permanent, tooSlow } from '../shared/network-errors.ts';
import { announcedBytes, header } from '../shared/source-answer.ts';
import { type Answerer, checkAnswer, isExplained, looksLikeSignIn } from './answer.ts';
import { cutShort, isCutShort } from './broken-answer.ts';
import { createCookieJar } from './cookies.ts';
import { type Answer, createExchange, type ExchangeLimits, type ExchangeOptions } from './exchange.ts';
import { fileBytes, isCompressed, refusalText } from './file-bytes.ts';
import { redirectTarget, sourceUrl } from './url.ts';
import { conditionOf, isSame, validatorOf } from './validator.ts';

/** How long a server may take, milliseconds. */
export interface DownloadLimits extends ExchangeLimits {
  /** From the start to the last header of the file's own answer, redirects included. */
  answerMs: number;
  /** For the whole download, including redirects. */
  totalMs: number;
}

export interface DownloadOptions
  extends Omit<ExchangeOptions, 'limits'>,
    Pick<BodyOptions, 'room' | 'leastRate'> {
  limits?: Partial<DownloadLimits>;
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
/** RFC 9110, 15.4.1: a client may follow the Location of 300, and curl does. */
const REDIRECTS = new Set([300, 301, 302, 303, 307, 308]);
/** Some hosts refuse clients without a name. No credentials: URLs that have any are refused. */
const HEADERS = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'every-cut' };

export interface WebDownloads extends AsyncDisposable {
  /** As Downloads.get, without credentials. */
  get(url: string, file: string, options: Parameters<Downloads['get']>[2]): Promise<Download>;
}

interface Answered {
  answer: Answer;
  by: Answerer;
}

/** Downloads over HTTP and HTTPS, from checked addresses only. Does not retry, because the stage does. */
export function createWebDownloads(options: DownloadOptions): WebDownloads {
  const { maxBytes, room, leastRate } = options;
  const limits = { ...LIMITS, ...options.limits };
  const exchange = createExchange({ ...options, limits });

  /** The first answer that is not a redirect. */
  async function follow(
    start: URL,
    validator: Validator | undefined,
    signal: AbortSignal,
  ): Promise<Answered> {
    const jar = createCookieJar();
    const condition = validator === undefined ? {} : conditionOf(validator);
    let url = start;
    let isSignIn = false;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const answer = await exchange.get(url, { ...HEADERS, ...condition, ...jar.headers(url) }, signal);
      const location = header(answer.headers, 'location');
      if (!REDIRECTS.has(answer.statusCode) || location === undefined) {
        return { answer, by: { where: maskUrl(url), isSignIn } };
      }
      answer.close();
      await jar.keep(url, answer.headers);
      url = redirectTarget(location, url);
      isSignIn ||= looksLikeSignIn(url);
    }
    const inVain = 'cookie' in jar.headers(url) ? ', though the cookies that they set were sent back' : '';
    throw permanent(
      'source_refused',
      `Expected at most ${MAX_REDIRECTS} redirects from ${maskUrl(start)}, got more${inVain}`,
      'use the address of the file itself',
    );
  }

  /** All hops together have little time, as a server may answer each of them just before it would be too late. */
  async function answered(start: URL, validator: Validator | undefined, signal: AbortSignal) {
    const { answerMs } = limits;
    const late = () => tooSlow(maskUrl(start), `no answer after ${answerMs} ms`);
    using answering = timeLimit(answerMs, late, signal);
    const first = await follow(start, validator, answering.signal);
    const { statusCode, headers, close } = first.answer;
    const isKnown = validator !== undefined && isSame(validator, statusCode, headers);
    if (statusCode !== 304 || validator === undefined || isKnown) return { ...first, isKnown };
    // This "not modified" belongs to another file than the one that was asked about.
    close();
    return { ...(await follow(start, undefined, answering.signal)), isKnown: false };
  }

  async function store({ answer, by }: Answered, file: string, signal: AbortSignal): Promise<Download> {
    const { statusCode, headers } = answer;
    const text = isExplained(statusCode) ? await refusalText(answer.body, signal) : '';
    checkAnswer(answer, by, maxBytes, text);
    try {
      const { bytes, sha256 } = await storeBody(answer.body, file, {
        where: by.where,
        maxBytes,
        expected: { bytes: isCompressed(headers) ? undefined : announcedBytes(headers) },
        room,
        leastRate,
        read: (chunks) => fileBytes(answer.timed(chunks), headers, by),
        signal,
      });
      return { modified: true, bytes, sha256, validator: validatorOf(headers) };
    } catch (error) {
      throw isCutShort(error) ? cutShort(by.where, answer.received, announcedBytes(headers)) : error;
    }
  }

  async function get(
    address: string,
    file: string,
    { validator, signal }: Parameters<Downloads['get']>[2],
  ): Promise<Download> {
    signal.throwIfAborted();
    using total = awakeLimit(limits.totalMs);
    const either = AbortSignal.any([signal, total.signal]);
    const start = sourceUrl(address);
    let where = maskUrl(start);
    try {
      const found = await answered(start, validator, either);
      where = found.by.where;
      const { close } = found.answer;
      try {
        if (found.isKnown) return { modified: false };
        return await store(found, file, either);
      } finally {
        close();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (total.signal.aborted && !PermanentError.is(error)) {
        throw tooSlow(where, `not finished after ${limits.totalMs} ms`, { cause: error });
      }
      throw downloadError(error, where);
    }
  }

  return { get, [Symbol.asyncDispose]: () => exchange[Symbol.asyncDispose]() };
}
