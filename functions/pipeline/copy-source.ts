/** Takes a clip into a task as it is, and says whether that works before the task relies on it. */
import { PermanentError } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { framesFor } from '../media/conform-limits.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import {
  CopyRefused,
  type CopyRequest,
  copyClip,
  copyIdentity,
  unfitForCopy,
} from '../media/native/copy-clip.ts';
import type { SoundExceeded } from '../media/own-sound.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { CopyCheck, Profile } from '../model/pins.ts';
import type { Probe } from '../model/probe.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { artifactKey } from './artifact-key.ts';
import { orSilent } from './silent-clip.ts';
import { type MakeFrom, type PreparedMeta, RECIPE } from './source-artifact.ts';

/** Of a clip that was copied: as of any other, and what the header of its film says. */
export type CopiedMeta = PreparedMeta & { header: string };

export interface ClipToCopy {
  taskId: string;
  /** SHA-256 of its bytes. */
  content: string;
  wish: Pick<CopyRequest, 'probe' | 'own' | 'maxSeconds' | 'timeoutMs' | 'trim'>;
  /** One per format of the task. */
  profiles: readonly Profile[];
  /** Returns the artifact of that key, and has it made if it is missing. */
  artifactOf: (key: string, make: MakeFrom<CopiedMeta>) => Promise<Artifact<CopiedMeta>>;
}

/** It must be encoded, and is not: the task has decided otherwise, or has not decided. */
class NotCopied extends PermanentError {
  readonly reason: string;

  constructor(reason: string, cause?: unknown) {
    const message =
      `Expected a clip that can be copied, as it was when the task began, got one that ${reason}. ` +
      'Next step: retry the task, which looks at it anew.';
    super('conform_failed', 'conform', message, { cause });
    this.reason = reason;
  }
}

/** Makes the artifact, because only the finished copy shows whether it can be joined. */
export async function checkCopy(ffmpeg: Ffmpeg, clip: ClipToCopy): Promise<CopyCheck> {
  const { wish, profiles } = clip;
  const formats = formatsOfSize(clip);
  const [profile = profiles[0] as Profile] = formats.map((format) => profiles[format] as Profile);
  const unfit =
    unfitForCopy(wish.probe, profile, wish.trim) ??
    (profiles.length > 1 ? unlikeEncoded(wish.probe, profile) : undefined);
  if (unfit !== undefined) return { refused: unfit };
  try {
    using artifact = await copied(ffmpeg, clip, profile);
    return { header: artifact.meta.header, ...(profiles.length > 1 && { formats }) };
  } catch (error) {
    if (error instanceof NotCopied) return { refused: error.reason };
    throw error;
  }
}

/**
 * The artifact of a clip of a task whose clips are copied. Throws PermanentError conform_failed if it does not go with the
 * others any more: encoding it would not help, because it must have their header.
 */
export async function copiedClip(
  ffmpeg: Ffmpeg,
  clip: ClipToCopy,
  header: string,
  format: number,
): Promise<Artifact<CopiedMeta>> {
  const artifact = await copied(ffmpeg, clip, clip.profiles[format] as Profile);
  if (artifact.meta.header === header) return artifact;
  artifact[Symbol.dispose]();
  throw new NotCopied('has another header');
}

/** Those that have the size of the clip, in which it needs no fit: a task may have several. */
function formatsOfSize({ wish, profiles }: ClipToCopy): number[] {
  const { video } = wish.probe;
  return [...profiles.keys()].filter((format) => {
    const profile = profiles[format];
    return video?.width === profile?.width && video?.height === profile?.height;
  });
}

/** All formats of a clip have equally many frames, and in the others its frames are counted by the clock. */
function unlikeEncoded({ video, ...probe }: Probe, profile: Profile): string | undefined {
  const isAlike = video !== null && framesFor({ probe: { ...probe, video }, profile }) === video.packets;
  return isAlike
    ? undefined
    : 'has a last frame that lasts less than a frame, and is made in several formats';
}

function refusal(error: unknown): CopyRefused {
  if (error instanceof CopyRefused) return error;
  throw error;
}

async function copied(ffmpeg: Ffmpeg, clip: ClipToCopy, profile: Profile): Promise<Artifact<CopiedMeta>> {
  const { taskId, content, wish, artifactOf } = clip;
  const identity = [content, ...copyIdentity(profile, wish), RECIPE, await ffmpeg.version()];
  const make =
    (silent: { exceeded?: SoundExceeded }): MakeFrom<CopiedMeta> =>
    async (file, dir, signal) => {
      const request = { ...wish, ...silent, profile, file, dir, signal };
      // That it must be encoded instead is no failure of the step.
      const made = await step('conform', 'copy', () => copyClip(ffmpeg, request).catch(refusal));
      if (made instanceof CopyRefused) throw new NotCopied(made.message, made);
      const { header, frames, samples, warnings } = made;
      return { frames, samples, seconds: samples / SAMPLE_RATE, loudness: null, warnings, header };
    };
  return orSilent(taskId, (more, silent) =>
    artifactOf(artifactKey('clip', [...identity, ...more]), make(silent)),
  );
}
