/** Parts of addresses as text, also of text that is no address. */

/** `https://`; empty where there is none. */
export function schemeOf(text: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? '';
}

/** Of an address whose path may be a key: only where it leads to. */
export function withoutPath(text: string): string {
  const { length } = schemeOf(text);
  const at = text.slice(length).search(/[/\\]./s);
  return at === -1 ? text : `${text.slice(0, length + at)}/...`;
}
