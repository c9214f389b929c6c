import { isDiskFull, PermanentError, TransientError } from '../../base/errors.ts';

/** Node: getaddrinfo's "there is no such name", as opposed to "ask again". */
const NO_SUCH_NAME = new Set(['ENOTFOUND', 'ENODATA', 'EAI_NONAME', 'EAI_NODATA']);
/** Connection, time-out and protocol failures of sockets, undici and its HTTP parser. */
const NETWORK =
  /^(ECONN|EAI_|EHOST|ENET|ETIMEDOUT$|TimeoutError$|EPIPE$|EADDRNOTAVAIL$|ERR_STREAM_PREMATURE_CLOSE$|UND_ERR_|HPE_|HTTPParserError$)/;
/** https://nodejs.org/api/tls.html#x509-certificate-error-codes and OpenSSL's own. */
const TLS =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_CA$|HOSTNAME_MISMATCH$|EPROTO$)/;

/**
 * The gate for what goes wrong around a response: which of our errors an exception is.
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
  if (isNoSuchName(error)) {
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
      `Expected a valid HTTPS certificate from ${where}, got ${code}. Next step: have the server's certificate mended.`,
      options,
    );
  }
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    return permanent(
      'source_refused',
      `Expected the headers of ${where} to be of ordinary size, got too many`,
      'have its server send fewer, cookies among them',
    );
  }
  if (isNetworkError(error)) {
    return new TransientError(
      'network',
      `Expected ${where} to be sent whole, got ${reasonOf(code, messageOf(error))}. Next step: check that its server is up.`,
      options,
    );
  }
  return error;
}

/**
 * The gate for answers that are neither the file nor a redirect nor "not modified".
 * @param where the URL, masked
 */
export function statusError(
  status: number,
  where: string,
  retryAfter: string | undefined,
): PermanentError | TransientError {
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const retryAfterMs = parseRetryAfter(retryAfter);
    return new TransientError(
      'source_busy',
      `Expected the file from ${where}, got ${status}.`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (status === 404 || status === 410) {
    return permanent('source_not_found', `Expected the file at ${where}, got ${status}`, 'check the URL');
  }
  if (status === 401 || status === 403) {
    return permanent(
      'source_forbidden',
      `Expected ${where} to be readable without signing in, got ${status}`,
      'share the file or make a new signed URL',
    );
  }
  return permanent(
    'source_refused',
    `Expected the file from ${where}, got status ${status}`,
    'open the URL in a browser and see what its server says',
  );
}

/** For a time limit of ours: an error that the gates treat like those of sockets. */
export function timedOut(message: string, options?: ErrorOptions): Error {
  return Object.assign(new Error(message, options), { code: 'ETIMEDOUT' });
}

/** Did the connection fail, in a way that may pass? */
export function isNetworkError(error: unknown): boolean {
  return NETWORK.test(codeOf(error));
}

/** Does the host's name not exist? */
export function isNoSuchName(error: unknown): boolean {
  return NO_SUCH_NAME.has(codeOf(error));
}

/**
 * Of a vendor's server, whose name is right: does the code say that it was not reached? No name, no connection, or the
 * certificate of a proxy on the way; all of it is of this machine's network, and may be mended meanwhile.
 */
export function isConnectionCode(code: string): boolean {
  return NETWORK.test(code) || NO_SUCH_NAME.has(code) || TLS.test(code);
}

export function isConnectionError(error: unknown): boolean {
  return isConnectionCode(codeOf(error));
}

/** Retry-After (RFC 9110, 10.2.3), seconds or an HTTP date, as milliseconds from `now`. */
export function parseRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

export function permanent(
  code: 'source_not_found' | 'source_forbidden' | 'source_refused' | 'source_too_large' | 'media_unreadable',
  expectedAndGot: string,
  nextStep: string,
): PermanentError {
  return new PermanentError(code, 'download', `${expectedAndGot}. Next step: ${nextStep}.`);
}

/** undici's parser errors have a name, but not always a code. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.name;
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message ? error.message : 'no details';
}

/** undici and Node repeat the code in the message as a rule. */
function reasonOf(code: string, message: string): string {
  return message.includes(code) ? message : `${code}: ${message}`;
}
