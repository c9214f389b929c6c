/** A clip's own sound. It never costs the picture: what cannot be decoded is silent, and a remark says why. */
import { rm } from 'node:fs/promises';
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond, SAMPLE_RATE, samplesOf } from '../model/frame-rate.ts';
import { secondsAhead } from './conform-graph.ts';
import { type ConformSize, isSoundLonger, wholeFramesFor, wholeFramesHeld } from './conform-limits.ts';
import { decode, SOUND_TIMEOUT_MS } from './decode-sound.ts';
import type { Ffmpeg } from './ffmpeg.ts';
import { FfmpegError } from './ffmpeg-error.ts';
import { UNENCRYPTED } from './file-kind.ts';
import { partOf, skippedSeconds } from './trim.ts';

export interface OwnSoundWish {
  /** Whether the clip's own sound is heard; true if absent. If not, it is not decoded. */
  own?: boolean;
  /** Why it is silent this time, although it should be heard. Then it is not decoded either. */
  exceeded?: SoundExceeded;
}

/**
 * Decoding the sound took too much time or memory here and now. On another machine, or later, it may be heard, so a clip
 * without it is not what the same source gives everyone.
 */
export class SoundExceeded extends PermanentError {
  static override is(error: unknown): error is SoundExceeded {
    return error instanceof SoundExceeded;
  }
}

export interface OwnSoundInput extends ConformSize, OwnSoundWish {
  /** Absolute path of the clip. */
  file: string;
  /** Path of the raw sound to make. */
  out: string;
}

export interface OwnSound {
  /** Where the sound ends, from the first frame of the whole clip on; 0 if nothing was decoded. */
  seconds: number;
  warnings: string[];
}

/** Of the time for the whole clip: decoding takes a small part of what encoding takes. */
const SHARE_OF_TIME = 0.25;
/** Packets that may not become sound: the lead-in of coders, and what is read ahead when the end is reached. */
const LEAD_IN = 16;
const SHARE_LOST = 0.1;
const SHARE_LOST_SHORT = 0.5;
const REEXPORTED = 'Export it with AAC sound';

/** Throws SoundExceeded, and what Ffmpeg.run throws, except FfmpegError: that is a failure of the sound alone. */
export async function ownSound(
  ffmpeg: Ffmpeg,
  input: OwnSoundInput,
  { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
): Promise<OwnSound> {
  const { file, out, profile, own = true, exceeded } = input;
  const { video, audio } = input.probe;
  const ahead = secondsAhead(video, profile.rate);
  if (audio === null) return { seconds: 0, warnings: [] };
  if (!own) return { seconds: 0, warnings: unheard(input, audio.seconds - ahead) };
  if (audio.refused !== null)
    return silent(audio.refused, 'silent', audio.encrypted ? UNENCRYPTED : REEXPORTED);
  if (exceeded !== undefined) return { seconds: 0, warnings: [exceeded.message] };
  const { stream, layout, codec, discarded = 0 } = audio;
  const ownMs = Math.min(SOUND_TIMEOUT_MS, timeoutMs * SHARE_OF_TIME);
  try {
    const { later } = video;
    const place =
      later === null
        ? { beside: video.stream, leaps: video, ahead }
        : // Read by itself, it begins at 0.
          { ahead: ahead - Math.max(0, -later) };
    const cut = cutOf(input, ahead);
    const wanted = { file, out, stream, layout, ...cut, ...place };
    const { samples, packets, frames } = await decode(ffmpeg, wanted, { signal, timeoutMs: ownMs });
    const length = audio.seconds - ahead;
    const isCut = input.trim !== undefined && samples >= Math.floor(cut.maxSeconds * SAMPLE_RATE);
    // The last packet may be decoded to more than the file says belongs to it. Who wants less does not know the end.
    const heardUntil = isCut ? length : Math.min((cut.from + samples) / SAMPLE_RATE, length);
    const seconds = samples === 0 ? 0 : heardUntil;
    const warnings = beyond(input, length, seconds);
    const heard = packets - (cut.skipped > 0 ? 0 : discarded);
    if (isWhole(codec, heard, frames)) return { seconds, warnings };
    const part = `${codec}, of which ${frames} of ${heard} packets could be decoded`;
    return {
      seconds,
      warnings: [...silent(part, frames === 0 ? 'silent' : 'partly silent').warnings, ...warnings],
    };
  } catch (error) {
    if (!FfmpegError.is(error)) throw error;
    await rm(out, { force: true });
    if (error.exceeded === 'time' || error.exceeded === 'memory') throw tooMuch(codec, error);
    return silent(`${codec} (${error.shortMessage})`);
  }
}

/** Which part of the sound is decoded. */
function cutOf({ trim, profile, maxSeconds, probe }: OwnSoundInput, ahead: number) {
  const { first, frames } = partOf(trim, profile.rate);
  const from = samplesOf(first, profile.rate);
  return {
    from,
    skipped: skippedSeconds(probe.video, 'sound', from / SAMPLE_RATE + ahead),
    maxSeconds: Math.min(maxSeconds, frames / framesPerSecond(profile.rate)),
  };
}

function tooMuch(codec: string, cause: FfmpegError): SoundExceeded {
  const message =
    `Expected its own sound to be decoded within the limits, got ${codec} (${cause.shortMessage}): the clip is silent. ` +
    'Post the task again when the service has less to do, give it more CPU or memory, or export the clip with AAC sound.';
  return new SoundExceeded('conform_failed', 'conform', message, { cause });
}

function isWhole(codec: string, packets: number, frames: number): boolean {
  const lost = packets - frames;
  if (lost <= packets * SHARE_LOST || (lost <= LEAD_IN && lost < packets * SHARE_LOST_SHORT)) return true;
  // Its first packet only begins what the second ends.
  return codec === 'vorbis' && lost === 1 && frames > 0;
}

function silent(actual: string, outcome = 'silent', next = REEXPORTED): OwnSound {
  const warning =
    `Expected its own sound in a codec that can be decoded (such as AAC, MP3 or PCM), got ${actual}: the clip is ` +
    `${outcome}. ${next}, or set audio.original_volume to 0.`;
  return { seconds: 0, warnings: [warning] };
}

/** Says so if the clip would last as long as its sound, had that not been turned off. */
function unheard(input: OwnSoundInput, sound: number): string[] {
  const picture = wholeFramesFor(input) / framesPerSecond(input.profile.rate);
  if (input.probe.video.still || !isSoundLonger(soundWithin(input, sound), picture)) return [];
  return [
    `${lengths(picture, sound)}: the clip is as long as its picture. To hold the last picture to the end of the sound, ` +
      'set audio.original_volume above 0; otherwise export the clip with a longer picture.',
  ];
}

/** Sound that is longer than a picture may be held. */
function beyond(input: OwnSoundInput, sound: number, decoded: number): string[] {
  const made = wholeFramesHeld(input, decoded) / framesPerSecond(input.profile.rate);
  if (input.probe.video.still || !isSoundLonger(soundWithin(input, sound), made)) return [];
  const picture = wholeFramesFor(input) / framesPerSecond(input.profile.rate);
  return [
    `${lengths(picture, sound)}: the clip ends after ${told(made)}. Cut it, or raise MAX_CLIP_SECONDS.`,
  ];
}

/** Nobody misses what comes after the end of the part. */
function soundWithin({ trim }: OwnSoundInput, sound: number): number {
  return Math.min(sound, trim?.endSeconds ?? sound);
}

function lengths(picture: number, sound: number): string {
  return `Expected picture and sound of about one length, got ${told(picture)} of picture and ${told(sound)} of sound`;
}

function told(seconds: number): string {
  return `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`;
}
