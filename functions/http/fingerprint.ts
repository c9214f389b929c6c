import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/canonical-json.ts';
import { DEFAULT_FADE_IN_SECONDS, DEFAULT_FADE_OUT_SECONDS, DEFAULT_LOUDNESS } from '../model/plan.ts';
import type { ValidRequest } from '../model/request.ts';

type Sound = ValidRequest['sound'];

/**
 * Fields that came after the first release. At their defaults they are left out: otherwise a request that is repeated after an
 * upgrade, with the Idempotency-Key of before, would count as another one.
 */
const LATER: Partial<Sound> = {
  loudness: DEFAULT_LOUDNESS,
  musicDb: 0,
  musicFadeInSeconds: DEFAULT_FADE_IN_SECONDS,
  musicFadeOutSeconds: DEFAULT_FADE_OUT_SECONDS,
};

/** SHA-256, in hexadecimal, of what a request asks for. Requests that mean the same have the same. */
export function fingerprintOf(valid: ValidRequest): string {
  return createHash('sha256')
    .update(canonicalJson(wishesOf(valid)))
    .digest('hex');
}

/** However it was written: with the defaults in place, but for later fields, and without what follows from it. */
function wishesOf({ dryRun: _, warnings: __, sound, ...wishes }: ValidRequest): unknown {
  const chosen = Object.entries(sound).filter(([name, value]) => LATER[name as keyof Sound] !== value);
  return { ...wishes, sound: Object.fromEntries(chosen) };
}
