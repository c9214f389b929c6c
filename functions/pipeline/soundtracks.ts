/** The soundtracks of combinations: made once for all that have the same music, line, settings and length. */
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import { canonicalJson } from '../base/canonical-json.ts';
import { PermanentError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { waitForPlace } from '../base/telemetry/spans.ts';
import { unlessAborted } from '../base/time-limit.ts';
import { checkEncodedSound } from '../media/check-soundtrack.ts';
import type { Ffmpeg } from '../media/ffmpeg.ts';
import type { MixSound } from '../media/mix-levels.ts';
import { createEnvelopes } from '../media/sound-envelope.ts';
import { makeSoundtrack, type Soundtrack, type SoundtrackRequest } from '../media/soundtrack.ts';
import { SAMPLE_RATE } from '../model/frame-rate.ts';
import { DEFAULT_FADE_IN_SECONDS, DEFAULT_FADE_OUT_SECONDS, type SoundChoices } from '../model/plan.ts';
import type { Artifact } from '../ports/artifacts.ts';
import { artifactKey } from './artifact-key.ts';
import type { Artifacts } from './artifacts.ts';
import { checkSoundtrack, type PreparedArtifact, SOUNDTRACK } from './check-prepared.ts';
import { filmStep } from './film-step.ts';
import { SOUND } from './source-artifact.ts';

/** A track or a line: what its pin says, and its artifact once it is to be mixed. */
export interface WantedSound {
  /** Of its artifact. */
  key: string;
  /** Throws PermanentError and TransientError if there is none that can be used. It stays open as long as the render. */
  open(): Promise<PreparedArtifact>;
}

export interface WantedSoundtrack {
  /** Samples per channel: the length of the picture. */
  total: number;
  clips: readonly PreparedArtifact[];
  /** What the clips are called in all formats, if their task has several. Else no other video is likely to have their sound. */
  clipKeys?: readonly string[];
  music: WantedSound | undefined;
  voice: WantedSound | undefined;
  choices: SoundChoices;
  /** Of each clip's own sound; absent: that of `choices`. */
  ownVolumes?: readonly number[];
  /** Of the music, 1 if absent; not 0: then there is none. */
  musicVolume?: number;
  /** Private folder of the render, for a soundtrack that no other can use. */
  dir: string;
  signal: AbortSignal;
}

/** A soundtrack's file, which stays until it is disposed of, and what it has. */
export interface OpenSoundtrack extends Soundtrack, Disposable {
  file: string;
  /** Nothing but silence, which may be longer than the picture: its beginning is used. */
  isSilence: boolean;
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
const RECIPE = '2';
/** A mix takes a fraction of a second; one that takes this long has hung. */
const MIX_TIMEOUT_MS = 300_000;
/** Any beginning of silence is silence: one of this length, or of twice as much and so on, serves all films. */
const SILENCE = 60 * SAMPLE_RATE;
const SILENT: SoundChoices = { originalVolume: 0, duck: false, voiceOffsetSeconds: 0, loudness: null };
/** Soundtracks of which it was logged that they are not used. */
const LOGGED = 10_000;
/** Part of the key of what is used in place of one that was refused, which only its lifetime removes. */
const IN_ITS_PLACE = 'in place of a refused one';

type Parts = Pick<SoundtrackRequest, 'music' | 'voice'>;

export function createSoundtracks({ artifacts, ffmpeg, log }: SoundtracksDeps): Soundtracks {
  /** What this process is making, by key: the reason why it can never be made, if that is so. */
  const making = new Map<string, Promise<PermanentError | undefined>>();
  const envelopes = createEnvelopes();
  const refused = new LRUCache<string, true>({ max: LOGGED });

  /** As its own task has them: what is wrong with them concerns no other task. */
  async function partsOf({ music, voice }: WantedSoundtrack): Promise<Parts> {
    const [track, line] = [await music?.open(), await voice?.open()];
    return {
      ...(track === undefined ? {} : { music: soundOf(track) }),
      ...(line === undefined ? {} : { voice: soundOf(line) }),
    };
  }

  async function mix(
    wanted: WantedSoundtrack,
    parts: Parts,
    dir: string,
    signal: AbortSignal,
  ): Promise<Soundtrack> {
    const out = join(dir, SOUNDTRACK);
    const request = { ...settingsOf(wanted), ...parts, out, signal, timeoutMs: MIX_TIMEOUT_MS };
    const making = () => makeSoundtrack(ffmpeg, request, envelopes);
    const made = await filmStep('mix', 'soundtrack', making, () => wanted.total / SAMPLE_RATE);
    // What is wrong with it is our fault, and must not be stored.
    await checkEncodedSound(out, wanted.total);
    return made;
  }

  /** For one video alone. */
  async function unshared(wanted: WantedSoundtrack): Promise<OpenSoundtrack> {
    const soundtrack = await mix(wanted, await partsOf(wanted), wanted.dir, wanted.signal);
    // The render removes its folder.
    const file = join(wanted.dir, SOUNDTRACK);
    return { ...soundtrack, file, isSilence: false, [Symbol.dispose]() {} };
  }

  /** Undefined if another call has made it, or was stopped. */
  async function makeOrWait(
    key: string,
    wanted: WantedSoundtrack,
  ): Promise<Artifact<Soundtrack> | undefined> {
    const parts = making.has(key) ? {} : await partsOf(wanted);
    const atIt = making.get(key);
    if (atIt !== undefined) {
      const failure = await waitForPlace('soundtrack', () => unlessAborted(wanted.signal, atIt));
      if (failure !== undefined) throw failure;
      return undefined;
    }
    const make = (dir: string, held: AbortSignal) => mix(wanted, parts, dir, held);
    const made = artifacts.make<Soundtrack>(key, make, wanted.signal);
    // Whoever waits tries again by itself, unless that is pointless: what stopped this call need not stop that one.
    const failure = made.then(
      () => undefined,
      (error: unknown) => (PermanentError.is(error) ? error : undefined),
    );
    making.set(key, failure);
    try {
      return await made;
    } finally {
      making.delete(key);
    }
  }

  /** Undefined if what is stored is not used. */
  async function shared(key: string, wanted: WantedSoundtrack): Promise<OpenSoundtrack | undefined> {
    let artifact: Artifact<Soundtrack> | undefined;
    while (artifact === undefined) {
      artifact = (await artifacts.open<Soundtrack>(key, wanted.signal)) ?? (await makeOrWait(key, wanted));
    }
    try {
      await checkSoundtrack(artifact, wanted.total);
    } catch (error) {
      artifact[Symbol.dispose]();
      // It stays, because only its checksum could tell the store that it is damaged, and that is right.
      if (!refused.has(key)) {
        refused.set(key, true);
        log.warn(`A soundtrack is not used, and made once more: ${(error as Error).message}`, {
          event: 'soundtrack.refused',
          key,
        });
      }
      return undefined;
    }
    const { loudness, truePeak, warnings } = artifact.meta;
    const [file, isSilence] = [artifact.path(SOUNDTRACK), isSilent(wanted)];
    return {
      loudness,
      truePeak,
      warnings,
      file,
      isSilence,
      [Symbol.dispose]: () => artifact[Symbol.dispose](),
    };
  }

  return {
    async open(asked) {
      const wanted = isSilent(asked) ? silenceFor(asked) : asked;
      if (settingsOf(wanted).own.length > 0 && wanted.clipKeys === undefined) return unshared(wanted);
      const parts = await identityOf(wanted, ffmpeg);
      return (
        (await shared(artifactKey('soundtrack', parts), wanted)) ??
        (await shared(artifactKey('soundtrack', [...parts, IN_ITS_PLACE]), wanted)) ??
        (await unshared(asked))
      );
    },
  };
}

function isSilent(wanted: WantedSoundtrack): boolean {
  return wanted.music === undefined && wanted.voice === undefined && !isOwnHeard(wanted);
}

function isOwnHeard({ clips, choices, ownVolumes }: WantedSoundtrack): boolean {
  const volumes = ownVolumes ?? clips.map(() => choices.originalVolume);
  return volumes.some((volume) => volume > 0);
}

function silenceFor(wanted: WantedSoundtrack): WantedSoundtrack {
  let total = SILENCE;
  while (total < wanted.total) total *= 2;
  return { ...wanted, total, choices: SILENT, ownVolumes: [], musicVolume: 1 };
}

function settingsOf(wanted: WantedSoundtrack) {
  const { total, clips, choices, ownVolumes = clips.map(() => choices.originalVolume) } = wanted;
  const { loudness = null, musicDb = 0, musicFadeInSeconds = DEFAULT_FADE_IN_SECONDS, ...rest } = choices;
  const { musicFadeOutSeconds = DEFAULT_FADE_OUT_SECONDS } = choices;
  const isHeard = isOwnHeard(wanted);
  const [volume = 0] = ownVolumes;
  const isOne = ownVolumes.every((own) => own === volume);
  return {
    ...rest,
    ...{
      total,
      loudness,
      musicDb: musicDb + decibelsOf(wanted.musicVolume),
      musicFadeInSeconds,
      musicFadeOutSeconds,
    },
    // Without it, what the clips might have been heard at makes no other soundtrack.
    originalVolume: isHeard && isOne ? volume : 0,
    own: isHeard ? clips.map(({ path }) => path(SOUND)) : [],
    ...(isHeard && !isOne ? { ownVolumes } : {}),
  };
}

/** As exactly as the gains of parts are set. */
function decibelsOf(volume = 1): number {
  return Math.round(2000 * Math.log10(volume)) / 100;
}

/** Everything that determines it. */
async function identityOf(wanted: WantedSoundtrack, ffmpeg: Ffmpeg): Promise<string[]> {
  const { own, ...settings } = settingsOf(wanted);
  const heard = own.length === 0 ? [] : (wanted.clipKeys ?? []);
  const parts = [
    wanted.music?.key ?? '',
    wanted.voice?.key ?? '',
    canonicalJson({ ...settings, own: heard }),
  ];
  return [...parts, RECIPE, await ffmpeg.version()];
}

function soundOf({ path, meta }: PreparedArtifact): MixSound {
  return { file: path(SOUND), samples: meta.samples, loudness: meta.loudness };
}
