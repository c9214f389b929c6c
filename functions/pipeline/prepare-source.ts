/** Makes the sources of a task ready: fetches each once, pins it, and makes the artifact that renders use. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical-json.ts';
import { PermanentError, type Stage } from '../base/errors.ts';
import { step } from '../base/telemetry/spans.ts';
import { makeKey } from '../coordination/lease-keys.ts';
import { measureLoudness } from '../media/loudness.ts';
import { layOut } from '../media/short-loop.ts';
import { decodeSound, musicWarnings } from '../media/track-sound.ts';
import { trimIdentity } from '../media/trim.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import type { Fetched, Prepared } from '../model/pins.ts';
import type { Line, Source, Trim } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import type { Task } from '../model/task.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { artifactKey } from './artifact-key.ts';
import { disposeOf, type MakeOptions } from './artifacts.ts';
import { preparedImage } from './overlay-images.ts';
import { type ClipsDeps, preparedClip } from './prepare-clip.ts';
import { fetchedSource, madeFrom, type PreparedMeta, RECIPE, SOUND } from './source-artifact.ts';
import { SPOKEN, type Speaking, type SpeakingSignals, TIMING } from './speak-line.ts';

export interface SourcesDeps extends ClipsDeps {
  speaking: Speaking;
}

export interface Sources {
  /**
   * Returns the artifact of a source, and makes it first if it is missing. Undefined for a clip of which it is not decided
   * yet whether it is copied: see Joins. Throws PermanentError or TransientError.
   */
  ready(task: Task, number: number, signals: SpeakingSignals): Promise<Prepared | undefined>;
  /**
   * The same, open: it cannot be evicted until it is disposed of.
   * @param format index into Plan.formats, or 0; sound is the same in all
   */
  opened(
    task: Task,
    number: number,
    format: number,
    signals: SpeakingSignals,
  ): Promise<Artifact<PreparedMeta> | undefined>;
}

/** The stage that a failure to make a source ready is reported as. */
export const STAGE_OF = {
  clip: 'conform',
  track: 'measure',
  image: 'conform',
  line: 'speak',
} as const satisfies Record<Source['kind'], Stage>;

interface TrackToDecode {
  audio: NonNullable<Probe['audio']>;
  trim: Trim | undefined;
}

export function createSources(deps: SourcesDeps): Sources {
  const { fetching, artifacts, ffmpeg } = deps;

  return {
    async ready(task, number, signals) {
      const all = await inFormats(task, number, signals);
      if (all === undefined) return undefined;
      try {
        const [first, ...formats] = all.map(({ key, meta }) => {
          const { frames, samples, seconds, warnings } = meta;
          return { artifact: key, frames, samples, seconds, loudness: meta.loudness, warnings };
        });
        const others = formats.map(({ loudness: _, ...format }) => format);
        return {
          ...(first as Prepared),
          ...(others.length > 0 && { formats: others }),
          ...spokenFor(task, all),
        };
      } finally {
        disposeOf(all);
      }
    },

    async opened(task, number, format, signals) {
      const all = await inFormats(task, number, signals);
      const wanted = all?.[task.plan.sources[number]?.kind === 'clip' ? format : 0];
      disposeOf((all ?? []).filter((artifact) => artifact !== wanted));
      return wanted;
    },
  };

  /** One per format of a clip, or the only one. */
  async function inFormats(
    task: Task,
    number: number,
    signals: SpeakingSignals,
  ): Promise<Artifact<PreparedMeta>[] | undefined> {
    const { kind } = task.plan.sources[number] as Source;
    const options = {
      signal: signals.signal,
      countedAs: { key: makeKey(task.id, number), stage: STAGE_OF[kind] },
    };
    if (kind === 'clip') return preparedClip(deps, task, number, options);
    if (kind === 'image') return [await preparedImage(deps, task, number, signals.signal)];
    return [await heard(task, number, signals, options)];
  }

  async function heard(
    task: Task,
    number: number,
    { signal, stop }: SpeakingSignals,
    options: MakeOptions,
  ): Promise<Artifact<PreparedMeta>> {
    const source = task.plan.sources[number] as Source;
    const build = await ffmpeg.version();
    if (source.kind === 'line') {
      const identity = await deps.speaking.identityOf(source, signal);
      const key = artifactKey('line', [...identity, RECIPE, build]);
      return artifacts.getOrCreate(
        key,
        (dir, held) => speak(task.id, source, identity, dir, { signal: held, stop }),
        options,
      );
    }
    const track = await fetchedSource(fetching, task, number, signal);
    const audio = soundOf(track.fetched);
    const trim = source.kind === 'track' ? source.trim : undefined;
    const identity = [
      track.fetched.content,
      canonicalJson(audio),
      String(deps.maxClipSeconds),
      ...trimIdentity(trim),
    ];
    const key = artifactKey('track', [...identity, RECIPE, build]);
    return madeFrom(deps, track, key, (file, dir, held) => decoded(file, dir, held, { audio, trim }), {
      ...options,
      semaphore: deps.decoding(task.id),
    });
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
    const meta = await deps.decoding(taskId)(() => decoded(spoken.path(SPOKEN), dir, signals.signal));
    return { ...meta, ...spoken.meta };
  }

  /** @param track a spoken line is not probed, not repeated, and never cut */
  function decoded(
    file: string,
    dir: string,
    signal: AbortSignal,
    track?: TrackToDecode,
  ): Promise<PreparedMeta> {
    const kind = track === undefined ? 'line' : 'track';
    return step('measure', kind, () => decodedAndMeasured(file, dir, signal, track));
  }

  async function decodedAndMeasured(
    file: string,
    dir: string,
    signal: AbortSignal,
    track: TrackToDecode | undefined,
  ): Promise<PreparedMeta> {
    const out = join(dir, SOUND);
    const trim = track?.trim && { trim: track.trim };
    const music = track && { audio: track.audio, cut: true, ...trim };
    const found = await decodeSound(ffmpeg, { file, out, signal, maxSeconds: deps.maxClipSeconds, ...music });
    const samples = track === undefined ? found.samples : await layOut(out, found.samples);
    const loudness = await measureLoudness(ffmpeg, out, { signal });
    const warnings = track === undefined ? [] : musicWarnings(track.audio, deps.maxClipSeconds, track.trim);
    return { frames: 0, samples, seconds: samples / SAMPLE_RATE, loudness, warnings };
  }
}

/** Whoever finds the sound of a line that was spoken for its own task has made it itself, in an earlier delivery. */
function spokenFor({ id }: Task, [artifact]: readonly Artifact<PreparedMeta>[]): Pick<Prepared, 'spoken'> {
  const first = artifact?.meta.first;
  return first?.taskId === id ? { spoken: first.spoken } : {};
}
