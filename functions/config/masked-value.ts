/** What messages and answers show of the value of a setting: part of an address is often a password or a key. */

/** Without what may be a user name, a password, a query or a fragment, also of text that is no address, or a list of them. */
export function maskedValue(text: string): string {
  const scheme = schemeOf(text);
  const at = text.lastIndexOf('@');
  const query = text.search(/[?#]/);
  // A password may hold a question mark, and a query an @: nobody knows which of both this is.
  if (query !== -1 && query < at) return `${scheme}***`;
  const rest = at === -1 ? text : `${scheme}***${text.slice(at)}`;
  return rest.replace(/([?#]).*/s, '$1***');
}

/** Of an address whose path may be a key: only where it leads to. */
export function withoutPath(text: string): string {
  const { length } = schemeOf(text);
  const at = text.slice(length).search(/[/\\]./s);
  return at === -1 ? text : `${text.slice(0, length + at)}/...`;
}

/** `https://`; empty where there is none. */
function schemeOf(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
}

/** The text without secrets of other settings, which may have been written in the wrong place. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.length >= LEAST_SECRET)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/** A shorter one is a word of many messages. */
const LEAST_SECRET = 8;
