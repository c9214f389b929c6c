/** The rules for web URLs, both those that callers send and those that servers redirect to. */

export interface UrlRefusal {
  /** Without credentials and query. */
  got: string;
  next: string;
}

const HTTP: readonly string[] = ['http:', 'https:'];
/**
 * Ports of mail, news, shells and other services that might read an HTTP request as commands. Browsers refuse
 * them too: https://fetch.spec.whatwg.org/#port-blocking
 */
const BAD_PORTS = new Set(
  (
    '0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119 123 ' +
    '135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990 993 ' +
    '995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080'
  ).split(' '),
);
/** Longest parts of a URL that messages, reports and manifests show. */
const SHOWN_SCHEME = 20;
const SHOWN_PATH = 300;

/** Why the URL must not be requested; undefined if it may. The host is checked when the connection is opened. */
export function webUrlRefusal(url: URL, schemes = HTTP): UrlRefusal | undefined {
  const { protocol, port } = url;
  if (!schemes.includes(protocol)) {
    return {
      got: `the scheme ${JSON.stringify(protocol.slice(0, SHOWN_SCHEME))}`,
      next: 'Serve the file over https.',
    };
  }
  // RFC 9110, 4.2.4: treated as an error, because they usually hide where a URL really leads.
  if (hasCredentials(url)) return { got: 'one with a user name or password', next: 'Use a signed URL.' };
  if (!BAD_PORTS.has(port)) return undefined;
  return { got: `one with port ${port}, which is not a web port`, next: 'Serve the file on port 443.' };
}

/** A URL for messages and logs: without credentials, query and fragment, any of which may be secret. */
export function maskUrl({ protocol, host, pathname, search }: URL): string {
  // With other schemes the path may be anything; in mailto: and in name:password@host it is a credential.
  if (protocol !== 'gs:' && !HTTP.includes(protocol)) return `${protocol.slice(0, SHOWN_SCHEME)}***`;
  const path = pathname.length <= SHOWN_PATH ? pathname : `${pathname.slice(0, SHOWN_PATH)}…`;
  return `${protocol}//${host}${path}${search ? '?***' : ''}`;
}

/** A callback_url for messages and logs: with many receivers, its path is a secret, too. */
export function maskCallback({ origin }: URL): string {
  return `${origin}/***`;
}

/** Even text that is not a URL may contain a password or a signature. */
export function maskText(text: string): string {
  const parts = text.split('/').map((part) => {
    const at = part.lastIndexOf('@');
    return at === -1 ? part : `***${part.slice(at)}`;
  });
  return parts.join('/').replace(/\?.*/s, '?***');
}

function hasCredentials({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}
