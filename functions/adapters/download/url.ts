/** Which URLs a download may start with and which redirects it follows. Hosts are checked when sockets are opened. */
import { PermanentError } from '../../base/errors.ts';
import { maskUrl, type UrlRefusal, webUrlRefusal } from '../../model/web-url.ts';

/**
 * The URL that a download starts with.
 * @throws PermanentError source_refused
 */
export function sourceUrl(address: string): URL {
  const url = URL.parse(address);
  const refusal = url ? webUrlRefusal(url) : NO_URL;
  if (url && !refusal) return url;
  throw refused('an http or https URL', refusal ?? NO_URL);
}

/**
 * Where a redirect leads. The rules for the first URL apply to every further one, and https stays https: the caller
 * asked for a connection on which the file cannot be changed.
 * @throws PermanentError source_refused
 */
export function redirectTarget(location: string, from: URL): URL {
  // Headers are bytes (RFC 9110, 5.5), which undici decodes as Latin-1. Some servers send UTF-8, which browsers accept.
  const target = URL.parse(Buffer.from(location, 'latin1').toString('utf8'), from.href);
  const refusal = target ? (webUrlRefusal(target) ?? downgrade(from, target)) : NO_URL;
  if (target && !refusal) return target;
  throw refused(`a redirect to http or https from ${maskUrl(from)}`, refusal ?? NO_URL);
}

const NO_URL: UrlRefusal = { got: 'no URL', next: 'Use the address that a browser downloads the file from.' };

function downgrade(from: URL, to: URL): UrlRefusal | undefined {
  if (from.protocol !== 'https:' || to.protocol === 'https:') return undefined;
  return {
    got: 'one from https to http',
    next: 'Have its server redirect to https, or send the http URL itself.',
  };
}

function refused(expected: string, { got, next }: UrlRefusal): PermanentError {
  return new PermanentError(
    'source_refused',
    'download',
    `Expected ${expected}, got ${got}. Next step: ${next}`,
  );
}
