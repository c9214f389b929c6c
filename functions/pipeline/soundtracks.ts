/** The soundtracks of combinations: made once for all that have the same music, line, settings and length. */
import { join } from 'node:path';
import { canonicalJson } from '../base/canonical-json.ts';
import type { Log } from '../base/log.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import type { MixSound } from '../media/mix.ts';
import { makeSoundtrack, type Soundtrack, type SoundtrackRequest } from '../media/soundtrack.ts';
import { DEFAULT_FADE_IN_SECONDS, DEFAULT_FADE_OUT_SECONDS, type SoundChoices } from '../model/plan.ts';
import type { Artifact } from '../ports.ts';
import { type Artifacts, artifactKey } from './artifacts.ts';
import { checkSoundtrack, type PreparedArtifact, SOUNDTRACK } from './check-prepared.ts';
import { SOUND } from './prepare-source.ts';

export interface WantedSoundtrack {
  /** Samples per channel: the length of the picture. */
  total: number;
  clips: readonly PreparedArtifact[];
  music: PreparedArtifact | undefined;
  voice: PreparedArtifact | undefined;
  choices: SoundChoices;
  /** Private folder of the render, for a soundtrack that no other can use. */
  dir: string;
  signal: AbortSignal;
}

/** A soundtrack's file, which stays until it is disposed of, and what it has. */
export interface OpenSoundtrack extends Soundtrack, Disposable {
  file: string;
}

export interface Soundtracks {
  /** Makes it if it is missing. Throws PermanentError 'mix_failed', and TransientError. */
  open(wanted: WantedSoundtrack): Promise<OpenSoundtrack>;
}

export interface SoundtracksDeps {
  artifacts: Artifacts;
  ffmpeg: Ffmpeg;
  log: Log;
}

/** Increase it with every change to what mixing makes, so that older soundtracks are not reused. */
const RECIPE = '1';
/** A mix takes a fraction of a second; one that takes this long has hung. */
const MIX_TIMEOUT_MS = 300_000;

type Mix = Omit<SoundtrackRequest, 'out' | 'signal' | 'timeoutMs'>;

export function createSoundtracks({ artifacts, ffmpeg, log }: SoundtracksDeps): Soundtracks {
  /** What this process is making, by key. */
  const making = new Map<string, Promise<unknown>>();

  async function made(mix: Mix, dir: string, signal: AbortSignal): Promise<Soundtrack> {
    return makeSoundtrack(ffmpeg, { ...mix, out: join(dir, SOUNDTRACK), signal, timeoutMs: MIX_TIMEOUT_MS });
  }

  async function own(mix: Mix, { dir, signal }: WantedSoundtrack): Promise<OpenSoundtrack> {
    const soundtrack = await made(mix, dir, signal);
    // The render removes its folder.
    return { ...soundtrack, file: join(dir, SOUNDTRACK), [Symbol.dispose]() {} };
  }

  /** Undefined after another call has made it, or has failed to. */
  async function makeOrWait(
    key: string,
    mix: Mix,
    signal: AbortSignal,
  ): Promise<Artifact<Soundtrack> | undefined> {
    const atIt = making.get(key);
    if (atIt !== undefined) {
      await unlessAborted(atIt, signal);
      return undefined;
    }
    const own = artifacts.make<Soundtrack>(key, (dir, held) => made(mix, dir, held), signal);
    // Whoever waits tries again by itself: what stopped this call need not stop that one.
    making.set(
      key,
      own.then(
        () => undefined,
        () => undefined,
      ),
    );
    try {
      return await own;
    } finally {
      making.delete(key);
    }
  }

  return {
    async open(wanted) {
      const { total, signal } = wanted;
      const mix = mixOf(wanted);
      if (mix.own.length > 0) return own(mix, wanted);
      const key = await keyOf(wanted, ffmpeg);
      for (;;) {
        const artifact =
          (await artifacts.open<Soundtrack>(key, signal)) ?? (await makeOrWait(key, mix, signal));
        if (artifact === undefined) continue;
        try {
          await checkSoundtrack(artifact, total);
        } catch (error) {
          artifact[Symbol.dispose]();
          // It stays, because only its checksum could tell the store that it is damaged, and that is right.
          log.warn(`A soundtrack is not used, and made for one video alone: ${(error as Error).message}`, {
            event: 'soundtrack.refused',
            key,
          });
          return own(mix, wanted);
        }
        return Object.assign(artifact, artifact.meta, { file: artifact.path(SOUNDTRACK) });
      }
    },
  };
}

function mixOf({ total, clips, music, voice, choices }: WantedSoundtrack): Mix {
  const { loudness = null, musicDb = 0, musicFadeInSeconds = DEFAULT_FADE_IN_SECONDS, ...rest } = choices;
  const { musicFadeOutSeconds = DEFAULT_FADE_OUT_SECONDS } = choices;
  return {
    ...rest,
    ...{ total, loudness, musicDb, musicFadeInSeconds, musicFadeOutSeconds },
    own: choices.originalVolume > 0 ? clips.map(({ path }) => path(SOUND)) : [],
    ...(music === undefined ? {} : { music: soundOf(music) }),
    ...(voice === undefined ? {} : { voice: soundOf(voice) }),
  };
}

/** Everything that determines it, if no clip is heard. */
async function keyOf(wanted: WantedSoundtrack, ffmpeg: Ffmpeg): Promise<string> {
  const { music, voice, ...settings } = mixOf(wanted);
  const parts = [wanted.music?.key ?? '', wanted.voice?.key ?? '', canonicalJson(settings)];
  return artifactKey('soundtrack', [...parts, RECIPE, await ffmpeg.version()]);
}

function soundOf({ path, meta }: PreparedArtifact): MixSound {
  return { file: path(SOUND), samples: meta.samples, loudness: meta.loudness };
}

async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    await Promise.race([work, stopped.promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
