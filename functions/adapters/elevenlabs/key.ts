import { PermanentError } from '../../base/errors.ts';

/** Checked here, because fetch's error for a header that it cannot send quotes the value. */
export function checkKey(apiKey: string): void {
  if (/^[\x21-\x7e]+$/.test(apiKey)) return;
  throw new PermanentError(
    'speech_refused',
    'speak',
    'Expected an ELEVENLABS_API_KEY of letters, digits and signs, got one with spaces or other characters. Next step: copy the key again.',
  );
}
