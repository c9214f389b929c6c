/** What the status and the headers of an answer say, before its body is read. */
import type { IncomingHttpHeaders } from 'node:http';
import { type PermanentError, TransientError } from '../../base/errors.ts';
import { parseRetryAfter, permanent } from '../shared/network-errors.ts';
import { announcedBytes, empty, header, tooLarge } from '../shared/source-answer.ts';
import { asksForPassword, codeIn, wallIn } from './page-text.ts';

/** Who answered, and where redirects have led to. */
export interface Answerer {
  /** The URL, masked. */
  where: string;
  /** Whether it is the page of a sign-in, as far as its address tells. */
  isSignIn: boolean;
}

interface Head {
  statusCode: number;
  headers: IncomingHttpHeaders;
}

/** accounts.google.com, login.microsoftonline.com, appleid.apple.com and others. */
const SIGN_IN_HOST = /^(accounts?|appleid|auth|idp|login|sign-?in|sso)\./;
const SIGN_IN_PATH = /\/(log[-_]?in|sign[-_]?in|servicelogin|sso|saml2?|oauth2?|authori[sz]e)(?=[/.]|$)/i;

/** Statuses whose text says more than they do. */
const EXPLAINED = new Set([400, 401, 403]);

/** Headers that walls against robots put on their own answers. */
const WALLS: readonly (readonly [name: string, wall: string])[] = [
  ['cf-mitigated', 'Cloudflare'],
  ['x-amzn-waf-action', 'AWS WAF'],
  ['x-datadome', 'DataDome'],
];

/** Whether a redirect leads to a sign-in. Only what is answered there shows that it is one. */
export function looksLikeSignIn({ hostname, pathname }: URL): boolean {
  return SIGN_IN_HOST.test(hostname) || SIGN_IN_PATH.test(pathname);
}

/** Whether the text of such an answer may explain it. */
export function isExplained(statusCode: number): boolean {
  return EXPLAINED.has(statusCode);
}

/**
 * Checks that the answer contains the whole file, as far as its head says so.
 * @param text what the server says of a refusal, if that is known
 * @throws PermanentError or TransientError
 */
export function checkAnswer(head: Head, answerer: Answerer, maxBytes: number, text = ''): void {
  const { statusCode, headers } = head;
  const { where } = answerer;
  if (statusCode === 204 || statusCode === 205) throw empty(where);
  if (statusCode === 206) checkWhole(headers, where);
  else if (statusCode !== 200 && statusCode !== 203) throw statusError(head, answerer, text);
  const announced = announcedBytes(headers);
  if (announced !== undefined && announced > maxBytes) throw tooLarge(where, maxBytes, announced);
}

export function signInNeeded(where: string, got: string): PermanentError {
  return permanent(
    'source_forbidden',
    `Expected ${where} to be readable by anyone who has the link, got ${got}`,
    'share the file with anyone who has the link, or use a signed URL',
  );
}

/** No part was asked for, but some servers answer so with the whole file. Its size may be unknown (RFC 9110, 14.4). */
function checkWhole(headers: IncomingHttpHeaders, where: string): void {
  const range = header(headers, 'content-range');
  const [, first, last, size] = /^\s*bytes\s+(\d+)-(\d+)\/(\d+|\*)\s*$/i.exec(range ?? '') ?? [];
  const whole = size === '*' ? announcedBytes(headers) : Number(size);
  if (Number(first) === 0 && Number(last) + 1 === whole) return;
  const part = range?.replace(/[^\x20-\x7e]/g, '?').slice(0, 80) ?? 'without a Content-Range';
  throw permanent(
    'source_refused',
    `Expected the whole file from ${where}, got status 206 with a part of it (${part})`,
    'have its server answer a request without Range with status 200',
  );
}

function statusError({ statusCode, headers }: Head, { where, isSignIn }: Answerer, text: string): Error {
  const wall = WALLS.find(([name]) => headers[name] !== undefined)?.[1] ?? wallIn(text);
  if (wall !== undefined && statusCode < 500) {
    return permanent(
      'source_forbidden',
      `Expected ${where} to be readable by programs, got ${statusCode} from ${wall}, which checks for robots`,
      'put the file where no browser is needed, or have its server let the user agent every-cut pass',
    );
  }
  const isUnready = statusCode === 202;
  if (isUnready || [408, 425, 429].includes(statusCode) || statusCode >= 500) {
    const retryAfterMs = parseRetryAfter(header(headers, 'retry-after'));
    return new TransientError(
      'source_busy',
      `Expected the file from ${where}, got ${statusCode}${isUnready ? ', which says that it is not ready yet' : ''}.`,
      retryAfterMs === undefined ? {} : { retryAfterMs },
    );
  }
  if (statusCode === 404 || statusCode === 410) {
    return permanent('source_not_found', `Expected the file at ${where}, got ${statusCode}`, 'check the URL');
  }
  const code = codeIn(text);
  if (code !== undefined && EXPLAINED.has(statusCode)) {
    return permanent(
      'source_forbidden',
      `Expected ${where} to be readable by anyone, got ${statusCode} (${code})`,
      'create a new signed URL, or let anyone read the file',
    );
  }
  if (statusCode === 401 || (statusCode === 403 && (isSignIn || asksForPassword(text)))) {
    return signInNeeded(where, `${statusCode}, which asks to sign in`);
  }
  if (statusCode === 403) {
    return permanent(
      'source_forbidden',
      `Expected ${where} to be readable by anyone, got 403`,
      'open the URL in a private window of a browser. If it is refused there too, share the file, create a new signed ' +
        'URL, or allow requests without a Referer. If it plays there, its server answers only browsers: put the file elsewhere',
    );
  }
  return permanent(
    'source_refused',
    `Expected the file from ${where}, got status ${statusCode}`,
    'open the URL in a browser to see what its server returns',
  );
}
