/** Makes the sources of a task ready: fetches each once, pins it, and makes the artifact that renders use. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical-json.ts';
import { PermanentError, type Stage } from '../base/errors.ts';
import type { EncoderPlace } from '../coordination/encoder-places.ts';
import { makeKey } from '../coordination/lease-keys.ts';
import type { Semaphore } from '../coordination/semaphore.ts';
import { type ConformRequest, conformClip, conformIdentity } from '../media/conform.ts';
import { usualMemoryMb } from '../media/conform-limits.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import { refuseOtherEncoder } from '../media/hardware-encoders.ts';
import { measureLoudness } from '../media/loudness.ts';
import { chooseProfile, type FirstClips } from '../media/profile.ts';
import { layOut } from '../media/short-loop.ts';
import { decodeSound, musicWarnings } from '../media/track-sound.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Fetched, HardwareName, Prepared, Probe, Profile } from '../model/pins.ts';
import type { Line, Source } from '../model/plan.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import type { PinStore } from '../ports/pins.ts';
import { type Artifacts, artifactKey, type MakeOptions } from './artifacts.ts';
import { type ClipToCopy, checkCopy, copiedClip } from './copy-source.ts';
import type { Joins } from './decide-join.ts';
import { BYTES, type Fetching } from './fetch-source.ts';
import { orSilent } from './silent-clip.ts';
import { SPOKEN, type Speaking, type SpeakingSignals, TIMING } from './speak-line.ts';

export interface SourcesDeps {
  fetching: Fetching;
  joins: Pick<Joins, 'watched' | 'joinOf'>;
  pins: PinStore;
  artifacts: Artifacts;
  speaking: Speaking;
  ffmpeg: Ffmpeg;
  /** In hardware; undefined: x264. */
  encoder?: HardwareName | undefined;
  /** Limits encoding, and serves tasks in turn. */
  encoding: (taskId: string) => EncoderPlace;
  /** The same for decoding sound. */
  decoding: (taskId: string) => Semaphore;
  maxClipSeconds: number;
  encodeLimitMs: number;
}

export interface Sources {
  /**
   * Returns the artifact of a source, and makes it first if it is missing. Undefined for a clip of which it is not decided
   * yet whether it is copied: see Joins. Throws PermanentError or TransientError.
   */
  ready(task: Task, number: number, signals: SpeakingSignals): Promise<Prepared | undefined>;
  /** The same, open: it cannot be evicted until it is disposed of. */
  opened(task: Task, number: number, signals: SpeakingSignals): Promise<Artifact<PreparedMeta> | undefined>;
}

/** Names of files within artifacts. */
export const VIDEO = 'video.mp4';
export const SOUND = 'sound.s16le';

/** The stage that a failure to make a source ready is reported as. */
export const STAGE_OF = { clip: 'conform', track: 'measure', line: 'speak' } as const satisfies Record<
  Source['kind'],
  Stage
>;

/** Increase it with every change to what conforming or decoding makes, so that older artifacts are not reused. */
const RECIPE = '5';

export type PreparedMeta = Omit<Prepared, 'artifact' | 'error'>;

export function createSources(deps: SourcesDeps): Sources {
  const { fetching, pins, artifacts, ffmpeg } = deps;

  return {
    async ready(task, number, signals) {
      using artifact = await opened(task, number, signals);
      if (artifact === undefined) return undefined;
      const { frames, samples, seconds, loudness, warnings } = artifact.meta;
      return { artifact: artifact.key, frames, samples, seconds, loudness, warnings };
    },

    opened,
  };

  async function opened(
    task: Task,
    number: number,
    { signal, stop }: SpeakingSignals,
  ): Promise<Artifact<PreparedMeta> | undefined> {
    const source = task.plan.sources[number] as Source;
    const build = await ffmpeg.version();
    const countedAs = { key: makeKey(task.id, number), stage: STAGE_OF[source.kind] };
    const options = { signal, countedAs };
    if (source.kind === 'line') {
      const identity = await deps.speaking.identityOf(source, signal);
      const key = artifactKey('line', [...identity, RECIPE, build]);
      return artifacts.getOrCreate(
        key,
        (dir, held) => speak(task.id, source, identity, dir, { signal: held, stop }),
        options,
      );
    }
    // Counted as a clip that is left to encode while it is downloaded.
    using place = source.kind === 'clip' ? deps.encoding(task.id) : undefined;
    const watched = <T>(work: () => Promise<T>) => deps.joins.watched(task, number, work, signal);
    const fetch = () => fetchedOf(task, number, signal);
    const fetched = source.kind === 'clip' ? await watched(fetch) : await fetch();
    if (source.kind === 'track' || place === undefined) {
      const audio = soundOf(fetched);
      const identity = [fetched.content, canonicalJson(audio), String(deps.maxClipSeconds)];
      const key = artifactKey('track', [...identity, RECIPE, build]);
      return fromBytes(task, number, fetched, key, (file, dir, held) => decoded(file, dir, held, audio), {
        ...options,
        semaphore: deps.decoding(task.id),
      });
    }
    const profile = await watched(() => profileOf(task, signal));
    const { output, sound } = task.plan;
    const conformed = {
      ...{ probe: fetched.probe, stillSeconds: output.stillSeconds, maxSeconds: deps.maxClipSeconds },
      own: sound.originalVolume > 0,
    };
    const toCopy: ClipToCopy = {
      ...{ taskId: task.id, content: fetched.content },
      wish: { ...conformed, profile, timeoutMs: deps.encodeLimitMs },
      artifactOf: (key, make) =>
        fromBytes(task, number, fetched, key, make, { ...options, semaphore: deps.decoding(task.id) }),
    };
    // A file without a picture fails, whatever becomes of the others.
    if (fetched.probe.video !== null) {
      const check = () => watched(() => checkCopy(ffmpeg, toCopy, RECIPE));
      const join = await deps.joins.joinOf(task, number, check);
      if (join === undefined) return undefined;
      if (join.video === 'copied') return copiedClip(ffmpeg, toCopy, RECIPE, join.header);
    }
    const identity = [fetched.content, ...conformIdentity(profile, conformed), RECIPE, build];
    return orSilent(task.id, identity, (parts, silent) =>
      fromBytes(
        task,
        number,
        fetched,
        artifactKey('clip', parts),
        (file, dir, held) =>
          conform({ ...conformed, ...silent, file, profile, dir, threads: place.threads, signal: held }),
        // The room is taken before the lease, so that work that is only waiting is not blamed for a crash.
        { ...options, semaphore: place.room(usualMemoryMb({ probe: fetched.probe, profile }), signal) },
      ),
    );
  }

  /**
   * Has the bytes before it asks for room: if they were evicted, their download takes minutes, which must not cost the
   * only encoder. Asks for no bytes while another process makes the artifact.
   */
  async function fromBytes<M extends PreparedMeta>(
    task: Task,
    number: number,
    fetched: Fetched,
    key: string,
    make: (file: string, dir: string, signal: AbortSignal) => Promise<M>,
    options: MakeOptions,
  ): Promise<Artifact<M>> {
    const made = await artifacts.madeElsewhere<M>(key, options.signal);
    if (made !== undefined) return made;
    using bytes = await fetching.bytesOf(task, number, fetched, options.signal);
    return await artifacts.getOrCreate(key, (dir, held) => make(bytes.path(BYTES), dir, held), options);
  }

  async function fetchedOf(task: Task, number: number, signal: AbortSignal): Promise<Fetched> {
    const fetched = await fetching.fetchOnce(task, number, signal);
    if (fetched.error !== undefined) {
      const { code, stage, message } = fetched.error;
      throw new PermanentError(code, stage, message);
    }
    return fetched;
  }

  /** Determined once per task: as requested, otherwise as in the first readable clip in block order. */
  async function profileOf(task: Task, signal: AbortSignal): Promise<Profile> {
    const [pinned] = await pins.read(task.id, ['profile']);
    if (pinned !== undefined) return pinned;
    const chosen = chooseProfile(task.plan.output, await firstClips(task, signal));
    const { encoder } = deps;
    return pins.write(task.id, 'profile', encoder === undefined ? chosen : { ...chosen, encoder });
  }

  /** Fetches only as many clips as it needs to find a readable one. */
  async function firstClips(task: Task, signal: AbortSignal): Promise<FirstClips> {
    const { width, height, fps } = task.plan.output;
    const enough = ({ any, moving }: FirstClips) =>
      (any !== undefined || (width !== undefined && height !== undefined)) &&
      (moving !== undefined || fps !== undefined);
    let first: FirstClips = { any: undefined, moving: undefined };
    for (const [number, source] of task.plan.sources.entries()) {
      if (enough(first)) break;
      if (source.kind !== 'clip') continue;
      const fetched = await fetching.fetchOnce(task, number, signal);
      if (fetched.error !== undefined || fetched.probe.video === null) continue;
      const { probe } = fetched;
      first = {
        any: first.any ?? probe,
        moving: first.moving ?? (fetched.probe.video.still ? undefined : probe),
      };
    }
    return first;
  }

  async function conform(clip: Omit<ConformRequest, 'timeoutMs'>): Promise<PreparedMeta> {
    refuseOtherEncoder(clip.profile, deps.encoder);
    const request = { ...clip, timeoutMs: deps.encodeLimitMs };
    const { frames, samples, warnings } = await conformClip(ffmpeg, request);
    return { frames, samples, seconds: samples / SAMPLE_RATE, loudness: null, warnings };
  }

  function soundOf({ probe: { audio } }: Fetched): NonNullable<Probe['audio']> {
    if (audio !== null) return audio;
    throw new PermanentError(
      'no_sound',
      'probe',
      'Expected a track with sound, got a file without an audio stream. Check the URL.',
    );
  }

  async function speak(
    taskId: string,
    line: Line,
    identity: readonly string[],
    dir: string,
    signals: SpeakingSignals,
  ): Promise<PreparedMeta> {
    using spoken = await deps.speaking.spoken(taskId, line, identity, signals);
    await copyFile(spoken.path(TIMING), join(dir, TIMING));
    return await deps.decoding(taskId)(() => decoded(spoken.path(SPOKEN), dir, signals.signal));
  }

  /** @param audio of a track; a spoken line is not probed, not repeated, and never cut */
  async function decoded(
    file: string,
    dir: string,
    signal: AbortSignal,
    audio?: NonNullable<Probe['audio']>,
  ): Promise<PreparedMeta> {
    const out = join(dir, SOUND);
    const music = audio === undefined ? {} : { audio, cut: true };
    const found = await decodeSound(ffmpeg, { file, out, signal, maxSeconds: deps.maxClipSeconds, ...music });
    const samples = audio === undefined ? found.samples : await layOut(out, found.samples);
    const loudness = await measureLoudness(ffmpeg, out, { signal });
    const warnings = audio === undefined ? [] : musicWarnings(audio, deps.maxClipSeconds);
    return { frames: 0, samples, seconds: samples / SAMPLE_RATE, loudness, warnings };
  }
}
