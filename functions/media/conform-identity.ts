/** What tells one conformed clip from another. Pure. */
import { canonicalJson } from '../base/canonical-json.ts';
import { rateText } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import { DEFAULT_STILL_SECONDS } from '../model/plan.ts';
import { overlayIdentity } from './burn-graph.ts';
import { captionsIdentity } from './captions/burn.ts';
import type { ConformRequest } from './conform.ts';
import { isHeldShorter } from './conform-limits.ts';
import { ENCODING, encoderOf } from './encoding.ts';
import { trimIdentity } from './trim.ts';

/**
 * Everything that a conformed clip depends on besides its source and the ffmpeg build. Part of the artifact's key. With and
 * without its own sound, a clip is two artifacts: its last picture may be held, and its remarks differ. A clip that has
 * no sound is one.
 */
export function conformIdentity(
  profile: Profile,
  input: Pick<
    ConformRequest,
    | 'probe'
    | 'own'
    | 'stillSeconds'
    | 'maxSeconds'
    | 'largestPixels'
    | 'trim'
    | 'exactly'
    | 'captions'
    | 'overlays'
  >,
): string[] {
  const { probe, own = true, stillSeconds = DEFAULT_STILL_SECONDS, maxSeconds, trim, overlays = [] } = input;
  const { width, height, rate, fit, background } = profile;
  const shown = probe.video?.still ? `still for ${stillSeconds}` : 'film';
  const sound = probe.audio === null ? 'no sound' : own ? `own sound up to ${maxSeconds}` : 'sound off';
  // Only contain leaves bars.
  const bars = fit === 'contain' ? background : 'none';
  const picture = [`${width}x${height}`, rateText(rate), fit, bars, shown];
  // All of the probe, so that nothing is forgotten: builds and newer versions find out other things about the same bytes.
  const shared = isHeldShorter({ ...input, profile }) ? [`held as at ${input.largestPixels} pixels`] : [];
  return [
    ...picture,
    sound,
    ...trimIdentity(trim),
    ...shared,
    ...(input.exactly === undefined ? [] : [`exactly ${input.exactly} frames`]),
    ...captionsIdentity(input.captions),
    canonicalJson(probe),
    ...encoderOf(profile, ENCODING),
    ...overlays.map(overlayIdentity),
  ];
}
