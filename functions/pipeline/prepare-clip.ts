/** Makes a clip ready: takes it as it is, or encodes it, as its task decides for all its clips. */
import type { EncoderPlace } from '../coordination/encoder-places.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import { type ConformRequest, conformClip, conformIdentity } from '../media/conform.ts';
import { usualMemoryMb } from '../media/conform-limits.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { refuseOtherEncoder } from '../media/hardware-encoders.ts';
import { stillSecondsOf } from '../media/trim.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Probe } from '../model/pins.ts';
import { ownVolumeOf, type Source } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { type Artifacts, artifactKey, type MakeOptions } from './artifacts.ts';
import { type ClipToCopy, checkCopy, copiedClip } from './copy-source.ts';
import type { Joins } from './decide-join.ts';
import type { Fetching } from './fetch-source.ts';
import { orSilent } from './silent-clip.ts';
import { fetchedSource, type MakeFrom, madeFrom, type PreparedMeta, RECIPE } from './source-artifact.ts';
import { type ProfileDeps, profileOf } from './task-profile.ts';

export interface ClipsDeps extends ProfileDeps {
  fetching: Fetching;
  joins: Pick<Joins, 'watched' | 'joinOf'>;
  artifacts: Artifacts;
  ffmpeg: Ffmpeg;
  /** Limits encoding, and serves tasks in turn. */
  encoding: (taskId: string) => EncoderPlace;
  /** The same for decoding sound, and for copying clips. */
  decoding: (taskId: string) => Semaphore;
  maxClipSeconds: number;
  encodeLimitMs: number;
}

/**
 * The artifact of a clip, made first if it is missing. Undefined if it is not decided yet whether it is copied: see Joins.
 * Throws PermanentError or TransientError.
 */
export async function preparedClip(
  deps: ClipsDeps,
  task: Task,
  number: number,
  options: Omit<MakeOptions, 'semaphore'>,
): Promise<Artifact<PreparedMeta> | undefined> {
  const { ffmpeg, maxClipSeconds: maxSeconds, encodeLimitMs: timeoutMs } = deps;
  const { signal } = options;
  const build = await ffmpeg.version();
  // Counted as a clip that is left to encode while it is downloaded.
  using place = deps.encoding(task.id);
  const watched = <T>(work: () => Promise<T>) => deps.joins.watched(task, number, work, signal);
  const clip = await watched(() => fetchedSource(deps.fetching, task, number, signal));
  const { content, probe } = clip.fetched;
  const profile = await watched(() => profileOf(deps, task, signal));
  const wish = { ...partWish(task, number, probe), probe, maxSeconds };
  const artifactOf = <M extends PreparedMeta>(key: string, make: MakeFrom<M>, semaphore: Semaphore) =>
    madeFrom(deps, clip, key, make, { ...options, semaphore });

  // A file without a picture fails, whatever becomes of the others.
  if (probe.video !== null) {
    const toCopy: ClipToCopy = {
      ...{ taskId: task.id, content, wish: { ...wish, profile, timeoutMs } },
      artifactOf: (key, make) => artifactOf(key, make, deps.decoding(task.id)),
    };
    const check = () => watched(() => checkCopy(ffmpeg, toCopy));
    const join = await deps.joins.joinOf(task, number, check);
    if (join === undefined) return undefined;
    if (join.video === 'copied') return copiedClip(ffmpeg, toCopy, join.header);
  }
  const identity = [content, ...conformIdentity(profile, wish), RECIPE, build];
  return orSilent(task.id, identity, (parts, silent) =>
    artifactOf(
      artifactKey('clip', parts),
      (file, dir, held) =>
        conformed(deps, {
          ...{ ...wish, ...silent, file, profile, dir, timeoutMs },
          ...{ threads: place.threads, signal: held },
        }),
      // The room is taken before the lease, so that work that is only waiting is not blamed for a crash.
      place.room(usualMemoryMb({ probe, profile }), signal),
    ),
  );
}

/** What the source's own choices make of it. Whoever has the same ones shares the artifact, at whatever volume. */
function partWish({ plan }: Task, number: number, { video }: Probe) {
  const { stillSeconds } = plan.output;
  const { trim } = plan.sources[number] as Extract<Source, { kind: 'clip' }>;
  return {
    own: ownVolumeOf(plan, number) > 0,
    ...(video?.still
      ? { stillSeconds: stillSecondsOf(trim, stillSeconds) }
      : { stillSeconds, ...(trim && { trim }) }),
  };
}

async function conformed(
  { ffmpeg, encoder }: Pick<ClipsDeps, 'ffmpeg' | 'encoder'>,
  request: ConformRequest,
): Promise<PreparedMeta> {
  refuseOtherEncoder(request.profile, encoder);
  const { frames, samples, warnings } = await conformClip(ffmpeg, request);
  return { frames, samples, seconds: samples / SAMPLE_RATE, loudness: null, warnings };
}
