/** What messages and answers show of the value of a setting: part of an address is often a password or a key. */

import { schemeOf } from '../base/address-text.ts';

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

/** The text without secrets of other settings, which may have been written in the wrong place. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
    .filter((secret) => secret.length >= LEAST_SECRET)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
}

/** A shorter one is a word of many messages. */
const LEAST_SECRET = 8;
