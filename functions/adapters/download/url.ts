/** Which URLs a download may begin with and which redirects it follows. Hosts are checked where sockets are opened. */
import { PermanentError } from '../../base/errors.ts';
import { maskUrl, type UrlRefusal, webUrlRefusal } from '../../model/web-url.ts';

/**
 * The URL that a download begins with.
 * @throws PermanentError source_refused
 */
export function sourceUrl(address: string): URL {
  const url = URL.parse(address);
  const refusal = url ? webUrlRefusal(url) : NO_URL;
  if (url && !refusal) return url;
  throw refused('an http or https URL', refusal ?? NO_URL);
}

/**
 * Where a redirect leads. The rules for the first URL hold for every further one, and https stays https: the caller
 * asked for a connection on which nobody can change the file.
 * @throws PermanentError source_refused
 */
export function redirectTarget(location: string, from: URL): URL {
  // Headers are bytes (RFC 9110, 5.5), which undici gives as Latin-1. Some servers write UTF-8, as browsers read it.
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
