/** Which addresses a callback_url may be. */
import { type UrlRefusal, webUrlRefusal } from './web-url.ts';

/** Says why an address may not be called, as far as that is known without looking its name up. */
export type CallbackRule = (url: URL) => UrlRefusal | undefined;

/** Undefined if the event may be sent there. */
export function callbackRefusal(
  text: string,
  mayBeCalled: CallbackRule = () => undefined,
): UrlRefusal | undefined {
  const url = URL.parse(text);
  if (url === null) return { got: 'no URL', next: 'Write it as "https://host/path".' };
  const refusal = webUrlRefusal(url);
  if (refusal !== undefined) return { got: refusal.got, next: NEXT };
  if (text.includes('#'))
    return { got: 'one with a #', next: 'What follows it is never sent: write %23, or leave it out.' };
  return mayBeCalled(url);
}

const NEXT =
  'Use the http(s) address at which your server takes events; a token may be in its path or query.';
