/** Which characters an API key can have, as it is sent in a header. Pure. */

const NOT_SENT = /[^\x20-\x7e\xa0-\xff]/u;

/** Why a key cannot be sent; null: it can. */
export function refusalOfKey(key: string): string | null {
  const [wrong] = NOT_SENT.exec(key) ?? [];
  if (wrong === undefined) return null;
  const got = /\p{C}/u.test(wrong) ? 'a character that cannot be seen' : `“${wrong}”`;
  return `Expected a key of letters from A to Z, digits and signs, got ${got} in it. Copy the key of the service again.`;
}
