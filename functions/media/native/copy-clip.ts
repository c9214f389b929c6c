/** Takes a clip into a task as it is: nothing is encoded, its frames only get exact times. */
import type { Probe, Profile } from '../../model/pins.ts';
import type { Ffmpeg } from '../ffmpeg.ts';
import type { OwnSoundWish } from '../own-sound.ts';

export interface CopyRequest extends OwnSoundWish {
  probe: Probe;
  profile: Profile;
  /** Longest clip allowed. */
  maxSeconds: number;
  /** Absolute path of the source. */
  file: string;
  /** Existing folder for video.mp4 and sound.s16le. */
  dir: string;
  signal: AbortSignal;
  /** The longest that sound and picture together may take. */
  timeoutMs: number;
}

export interface CopiedClip {
  /** See CopyCheck. */
  header: string;
  frames: number;
  samples: number;
  warnings: string[];
}

/** The clip must be encoded; the message says why and completes "clip x". No failure: nothing is wrong with it. */
export class CopyRefused extends Error {
  override name = 'CopyRefused';
}

/** Why a clip cannot be copied, by what is known without reading it again; undefined if it may be. */
export function unfitForCopy(_probe: Probe, _profile: Profile): string | undefined {
  return 'not built yet';
}

/** Everything that a copied clip depends on besides its source and the ffmpeg build. Part of the artifact's key. */
export function copyIdentity(
  _profile: Profile,
  _input: Pick<CopyRequest, 'probe' | 'own' | 'maxSeconds'>,
): string[] {
  return ['native 1'];
}

/**
 * Makes dir/video.mp4 with the frames of the source, and dir/sound.s16le as conforming does. Throws CopyRefused, and what
 * conformClip throws for sound and limits.
 */
export async function copyClip(_ffmpeg: Ffmpeg, _request: CopyRequest): Promise<CopiedClip> {
  throw new Error('not built yet');
}
