/** Makes a clip ready: takes it as it is, or encodes it, as its task decides for all its clips. */
import type { EncoderPlace } from '../coordination/encoder-places.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import { type ConformOutput, type ConformRequest, conformClip } from '../media/conform.ts';
import { conformIdentity } from '../media/conform-identity.ts';
import { pixelsOf, usualMemoryMb } from '../media/conform-limits.ts';
import { inRuns } from '../media/conform-runs.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { refuseOtherEncoder } from '../media/hardware-encoders.ts';
import { stillSecondsOf } from '../media/trim.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Join, Profile } from '../model/pins.ts';
import { ownVolumeOf, type Source } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { artifactKey } from './artifact-key.ts';
import { type Artifacts, disposeOf, type MakeOptions } from './artifacts.ts';
import { type ClipToCopy, checkCopy, copiedClip } from './copy-source.ts';
import type { Joins } from './decide-join.ts';
import { refuseUnlike, withFrames } from './equal-formats.ts';
import type { Fetching } from './fetch-source.ts';
import { filmStep } from './film-step.ts';
import { openedOverlays } from './overlay-images.ts';
import { orSilent } from './silent-clip.ts';
import {
  allMadeFrom,
  type FetchedSource,
  fetchedSource,
  madeFrom,
  type PreparedMeta,
  RECIPE,
} from './source-artifact.ts';
import { type ProfileDeps, profilesOf } from './task-profile.ts';

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
 * The artifacts of a clip, one per format of the task, made first if they are missing. Undefined if it is not decided yet
 * whether it is copied: see Joins. Throws PermanentError or TransientError.
 */
export async function preparedClip(
  deps: ClipsDeps,
  task: Task,
  number: number,
  options: Omit<MakeOptions, 'semaphore'>,
): Promise<Artifact<PreparedMeta>[] | undefined> {
  const { ffmpeg } = deps;
  const { signal } = options;
  // Counted as a clip that is left to encode while it is downloaded.
  using place = deps.encoding(task.id);
  const watched = <T>(work: () => Promise<T>) => deps.joins.watched(task, number, work, signal);
  const clip = await watched(() => fetchedSource(deps.fetching, task, number, signal));
  const { content, probe } = clip.fetched;
  const profiles = await watched(() => profilesOf(deps, task, signal));
  const wish = wishOf(deps, task, number, probe, profiles);
  const copying: ClipToCopy = {
    ...{ taskId: task.id, content, wish, profiles },
    artifactOf: (key, make) =>
      madeFrom(deps, clip, key, make, { ...options, semaphore: deps.decoding(task.id) }),
  };
  // A file without a picture fails, whatever becomes of the others.
  const join = probe.video === null ? ENCODED : await joinOf();
  if (join === undefined) return undefined;
  const made = new Map<number, Artifact<PreparedMeta>>();
  try {
    const copied = join.video === 'copied' ? (join.formats ?? [0]) : [];
    for (const format of copied) {
      made.set(format, await copiedClip(ffmpeg, copying, (join as Copied).header, format));
    }
    const formats = [...profiles.entries()].filter(([format]) => !made.has(format));
    using burned = await openedOverlays(deps, task, number, signal);
    const { overlays } = burned;
    const encoded = (exactly: { exactly?: number }) =>
      encodedClip(deps, clip, { wish: { ...wish, overlays, ...exactly }, formats, place }, options);
    const [frames] = [...made.values()].map(({ meta }) => meta.frames);
    for (const [format, artifact] of await withFrames(frames, encoded)) made.set(format, artifact);
    const all = [...profiles.keys()].map((format) => made.get(format) as Artifact<PreparedMeta>);
    refuseUnlike(all);
    return all;
  } catch (error) {
    disposeOf(made.values());
    throw error;
  }

  function joinOf() {
    return deps.joins.joinOf(task, number, () => watched(() => checkCopy(ffmpeg, copying)));
  }
}

/** What is burned into a clip with that profile; undefined: nothing. */
export type CaptionsFor = (profile: Profile) => string | undefined;

/**
 * The same with captions, which are always encoded. Where nothing is burned in, it is the clip without captions, which has
 * that many frames.
 * Throws PermanentError or TransientError.
 */
export async function captionedClip(
  deps: ClipsDeps,
  task: Task,
  number: number,
  { captionsFor, frames }: { captionsFor: CaptionsFor; frames: number },
  options: Omit<MakeOptions, 'semaphore'>,
): Promise<Artifact<PreparedMeta>[]> {
  using place = deps.encoding(task.id);
  const clip = await fetchedSource(deps.fetching, task, number, options.signal);
  const profiles = await profilesOf(deps, task, options.signal);
  using burned = await openedOverlays(deps, task, number, options.signal);
  const wish = {
    ...wishOf(deps, task, number, clip.fetched.probe, profiles),
    overlays: burned.overlays,
  };
  const formats = [...profiles.entries()];
  const made = await withFrames(frames, (exactly) =>
    encodedClip(deps, clip, { wish: { ...wish, ...exactly }, formats, place, captionsFor }, options),
  );
  return formats.map(([format]) => made.get(format) as Artifact<PreparedMeta>);
}

function wishOf(
  { maxClipSeconds: maxSeconds, encodeLimitMs: timeoutMs }: ClipsDeps,
  task: Task,
  number: number,
  probe: Probe,
  profiles: readonly Profile[],
): Wish {
  return {
    ...{ ...partWish(task, number, probe), probe, maxSeconds, timeoutMs },
    ...(profiles.length > 1 && { largestPixels: Math.max(...profiles.map(pixelsOf)) }),
  };
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

type Copied = Extract<Join, { video: 'copied' }>;
const ENCODED = { video: 'encoded' } as const;

type Wish = Pick<
  ConformRequest,
  | 'probe'
  | 'stillSeconds'
  | 'maxSeconds'
  | 'own'
  | 'timeoutMs'
  | 'largestPixels'
  | 'trim'
  | 'exactly'
  | 'overlays'
>;

interface ToEncode {
  wish: Wish;
  /** With their numbers. */
  formats: readonly (readonly [number, Profile])[];
  place: EncoderPlace;
  captionsFor?: CaptionsFor;
}

/** By the number of the format. All that are missing are made by one run of the encoder, as far as memory allows. */
async function encodedClip(
  deps: ClipsDeps,
  clip: FetchedSource,
  { wish, formats, place, captionsFor = () => undefined }: ToEncode,
  options: Omit<MakeOptions, 'semaphore'>,
): Promise<Map<number, Artifact<PreparedMeta>>> {
  const { task, fetched } = clip;
  const build = await deps.ffmpeg.version();
  return orSilent(task.id, async (more, silent) => {
    const withCaptions = (profile: Profile) => {
      const captions = captionsFor(profile);
      return captions === undefined ? {} : { captions };
    };
    const keyOf = (profile: Profile) => {
      const identity = conformIdentity(profile, { ...wish, ...withCaptions(profile) });
      return artifactKey('clip', [fetched.content, ...identity, RECIPE, build, ...more]);
    };
    // Formats that differ in nothing but their names share one.
    const pictures = new Map(formats.map(([, profile]) => [keyOf(profile), profile]));
    const made = new Map<string, Artifact<PreparedMeta>>();
    try {
      const wanted = [...pictures].map(([key, profile]) => ({ key, profile, ...withCaptions(profile) }));
      for (const run of inRuns(wish, wanted)) {
        const [{ profile }, ...others] = run;
        const artifacts = await allMadeFrom<PreparedMeta>(
          deps,
          clip,
          run.map(({ key }) => key),
          (file, dirs, signal, writes) => {
            const [first, ...rest] = [...dirs].map(([at, dir]) => ({ ...(run[at] as WithProfile), dir }));
            const request = { ...wish, ...silent, ...(first as ConformOutput), file, writes, signal };
            return conformed(deps, { ...request, others: rest, threads: place.threads });
          },
          // The room is taken before the lease, so that work that is only waiting is not blamed for a crash.
          {
            ...options,
            semaphore: place.room(usualMemoryMb({ ...wish, profile, others }), options.signal),
          },
        );
        for (const [at, { key }] of run.entries()) made.set(key, artifacts[at] as Artifact<PreparedMeta>);
      }
      return new Map(
        formats.map(([format, profile]) => [format, made.get(keyOf(profile)) as Artifact<PreparedMeta>]),
      );
    } catch (error) {
      disposeOf(made.values());
      throw error;
    }
  });
}

type WithProfile = Pick<ConformOutput, 'profile' | 'captions'>;

async function conformed(
  { ffmpeg, encoder }: Pick<ClipsDeps, 'ffmpeg' | 'encoder'>,
  request: ConformRequest,
): Promise<PreparedMeta> {
  refuseOtherEncoder(request.profile, encoder);
  const { frames, samples, warnings } = await filmStep(
    'conform',
    request.captions === undefined ? 'clip' : 'captioned',
    () => conformClip(ffmpeg, request),
    (made) => made.samples / SAMPLE_RATE,
  );
  return { frames, samples, seconds: samples / SAMPLE_RATE, loudness: null, warnings };
}
