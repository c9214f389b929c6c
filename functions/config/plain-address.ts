/** One address: a list of several could hide a password behind its comma. */
const HTTP = /^https?:\/\/[^\s/\\?#@,]+(\/[^\s\\?#]*)?$/i;

/** Is that an http(s) URL that others may see: without user name, password, query and fragment? */
export function isPlainAddress(text: string): boolean {
  return HTTP.test(text) && URL.canParse(text);
}
