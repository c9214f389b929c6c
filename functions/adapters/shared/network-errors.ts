import { justWoke } from '../../base/awake.ts';
import { isDiskFull, MOST_ASKED_MS, PermanentError, TransientError } from '../../base/errors.ts';

/** getaddrinfo errors for a name that does not exist, as opposed to a temporary DNS failure. */
const NO_SUCH_NAME = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA']);
/** Connection, timeout and protocol errors of sockets, undici and its HTTP parser. */
const NETWORK =
  /^(ECONN|EAI_|EHOST|ENET|ETIMEDOUT$|TimeoutError$|EPIPE$|EADDRNOTAVAIL$|ERR_STREAM_PREMATURE_CLOSE$|UND_ERR_|HPE_|HTTPParserError$)/;
/** undici's limits of time for headers and for a pause in the body. */
const STALLED = /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/;
/** https://nodejs.org/api/tls.html#x509-certificate-error-codes, and OpenSSL's own codes. */
const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$|EPROTO$)/;

const SLOW_PAUSE_MS = 30_000;

/**
 * Translates an exception during a download into a PermanentError or TransientError. Unknown ones are returned
 * unchanged.
 * @param where the URL, masked
 */
export function downloadError(error: unknown, where: string): unknown {
  if (PermanentError.is(error) || TransientError.is(error)) return error;
  if (isDiskFull(error)) {
    return new TransientError('disk_full', `Expected room on the disk for ${where}, got none left.`, {
      cause: error,
    });
  }
  const code = codeOf(error);
  const options = { cause: error };
  if (isNoSuchName(error) && !justWoke()) {
    return new PermanentError(
      'source_unreachable',
      'download',
      `Expected a host that exists, got ${where} (${code}). Next step: check the spelling of the host name.`,
      options,
    );
  }
  if (TLS.test(code)) {
    return new PermanentError(
      'source_refused',
      'download',
      `Expected a valid HTTPS certificate from ${where}, got ${code}. Next step: fix the server's certificate.`,
      options,
    );
  }
  if (STALLED.test(code)) return tooSlow(where, reasonOf(code, messageOf(error)), options);
  if (isNetworkError(error) || isNoSuchName(error)) {
    return new TransientError(
      'network',
      `Expected all bytes of ${where}, got ${reasonOf(code, messageOf(error))}. Next step: check that its server is up.`,
      options,
    );
  }
  return error;
}

/**
 * A server that sends nothing, or next to nothing. The pause is longer than a step is retried for, so that the message is
 * handed back and no place is held meanwhile. Few connections outlive a sleep of this machine, so after one the network
 * is to blame, and a new connection may help at once.
 */
export function tooSlow(where: string, got: string, options?: ErrorOptions): TransientError {
  if (justWoke()) {
    return new TransientError(
      'network',
      `Expected all bytes of ${where} after this machine had slept, got ${got}. Next step: none, it is retried.`,
      options,
    );
  }
  return new TransientError(
    'source_slow',
    `Expected all bytes of ${where} in time, got ${got}. Next step: check that its server sends the whole file.`,
    { ...options, retryAfterMs: SLOW_PAUSE_MS },
  );
}

/** The error of one of our time limits, which the gates treat like a socket error. */
export function timedOut(message: string, options?: ErrorOptions): Error {
  return Object.assign(new Error(message, options), { code: 'ETIMEDOUT' });
}

/** Whether the connection failed in a way that may be temporary. */
export function isNetworkError(error: unknown): boolean {
  return NETWORK.test(codeOf(error));
}

/** Whether the host name does not exist. */
export function isNoSuchName(error: unknown): boolean {
  return NO_SUCH_NAME.has(codeOf(error));
}

/**
 * Whether the code means that a vendor's server was not reached. The vendor's host name is known to be right, so a
 * missing name, a failed connection or a proxy's certificate is a fault of this machine's network and may be temporary.
 */
export function isConnectionCode(code: string): boolean {
  return NETWORK.test(code) || NO_SUCH_NAME.has(code) || TLS.test(code);
}

/** What the owner of the other server may look at first. */
export function connectionHint(code: string): string {
  if (TLS.test(code)) return 'check the certificate of its server';
  if (NO_SUCH_NAME.has(code)) return 'check its host name';
  if (/^(HPE_|HTTPParserError$|UND_ERR_HEADERS_OVERFLOW$)/.test(code))
    return 'check that its server answers in HTTP';
  return 'check that its server is up';
}

export function isConnectionError(error: unknown): boolean {
  return isConnectionCode(codeOf(error));
}

/**
 * Parses Retry-After (RFC 9110, 10.2.3), in seconds or as an HTTP date, into milliseconds from `now`: at most `mostMs`,
 * whatever it says. Undefined for anything else.
 */
export function parseRetryAfter(
  value: string | undefined,
  now = Date.now(),
  mostMs = MOST_ASKED_MS,
): number | undefined {
  const text = value?.trim() ?? '';
  const asked = /^\d+$/.test(text) ? Number(text) * 1000 : parseHttpDate(text) - now;
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(0, asked), mostMs);
}

/** Milliseconds since 1970; NaN for anything but the three ways to write a date that RFC 9110, 5.6.7, allows. */
export function parseHttpDate(text: string): number {
  return /^(mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6},? /i.test(text) ? Date.parse(text) : Number.NaN;
}

export function permanent(
  code: 'source_not_found' | 'source_forbidden' | 'source_refused' | 'source_too_large' | 'media_unreadable',
  expectedAndGot: string,
  nextStep: string,
): PermanentError {
  return new PermanentError(code, 'download', `${expectedAndGot}. Next step: ${nextStep}.`);
}

/** The code, or the name: undici's parser errors do not always have a code. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.name;
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message ? error.message : 'no details';
}

/** Most messages of undici and Node already contain the code. */
function reasonOf(code: string, message: string): string {
  return message.includes(code) ? message : `${code}: ${message}`;
}
