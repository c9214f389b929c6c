/** Remembers across tasks which bytes a URL last returned, and the validator that tells whether they have changed. */
import type { Validator } from '../model/source.ts';
import type { Memo } from '../ports/memo.ts';

export interface KnownUrl {
  /** SHA-256 of the bytes, hex. */
  content: string;
  validator: Validator;
}

const memoKey = (url: string): string => `url/${url}`;

export async function recallUrl(memo: Memo, url: string): Promise<KnownUrl | undefined> {
  const [value] = await memo.recall([memoKey(url)]);
  return value === undefined ? undefined : (JSON.parse(value) as KnownUrl);
}

export async function rememberUrl(memo: Memo, url: string, known: KnownUrl): Promise<void> {
  await memo.remember(memoKey(url), JSON.stringify(known));
}
