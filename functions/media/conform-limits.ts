/** What encoding one clip may take: pixels, time, memory and disk, known before the work begins. */
import { PermanentError } from '../base/errors.ts';
import { framesPerSecond } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import { DEFAULT_STILL_SECONDS, type Trim } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';
import { type BurnedOverlay, overlaysMemoryMb } from './burn-graph.ts';
import { secondsAhead } from './conform-graph.ts';
import type { RunLimits } from './limits.ts';
import { h264Level } from './profile.ts';
import { pcmMb } from './sound.ts';
import { beyondEnd, partOf, skippedSeconds } from './trim.ts';

/** Of a file that has a picture. */
export type PictureProbe = Probe & { video: NonNullable<Probe['video']> };

export interface ConformSize {
  /** Result of `probe` for the file. */
  probe: PictureProbe;
  profile: Profile;
  /** Other profiles that it is made in at the same time. */
  others?: readonly { profile: Profile }[];
  /**
   * Pixels of the largest picture that the clip has in its task, if there are several formats: all have equally many frames,
   * whether or not they are made at the same time.
   */
  largestPixels?: number;
  /** Longest clip allowed. */
  maxSeconds: number;
  /** How long a still image is shown; DEFAULT_STILL_SECONDS if absent. */
  stillSeconds?: number;
  /** Laid over the picture, the last one on top. */
  overlays?: readonly BurnedOverlay[];
  /** The part of a film that is used; absent: all of it. */
  trim?: Trim;
  /** How many frames it has in another format, in which it is copied. Its last picture is held for those that are damaged. */
  exactly?: number;
}

/** For each second that a clip may last: 1920x1080 at 60 frames a second. */
const PIXELS_PER_SECOND = 1920 * 1080 * 60;
/** A slow machine under load decodes and encodes this many together in a second. */
const SLOWEST_PIXELS_PER_SECOND = 10_000_000;
const LEAST_TIMEOUT_MS = 120_000;
const LONGEST_TIMEOUT_MS = 1_800_000;

/** Throws PermanentError 'clip_too_long' or 'clip_too_large'. */
export function refuseLarge(size: ConformSize): void {
  const { probe, profile, maxSeconds, stillSeconds = DEFAULT_STILL_SECONDS, trim } = size;
  const { video } = probe;
  const part = framesFor(size) / framesPerSecond(profile.rate);
  const seconds = video.still ? stillSeconds : trim === undefined ? video.seconds : part;
  if (seconds > maxSeconds) {
    const film = trim === undefined ? 'Cut it' : 'Choose an earlier end_seconds';
    const next = video.still ? 'Ask for a shorter output.still_seconds' : film;
    throw new PermanentError(
      'clip_too_long',
      'conform',
      `Expected at most ${maxSeconds} s, got ${seconds.toFixed(1)} s. ${next}, or raise MAX_CLIP_SECONDS.`,
    );
  }
  const made = Math.max(...profilesOf(size).map(pixelsOf)) * framesFor(size);
  const millions = Math.round(Math.max(video.pixels * framesDecoded(size), made) / 1e6);
  const most = Math.round((PIXELS_PER_SECOND * maxSeconds) / 1e6);
  if (millions > most) {
    throw new PermanentError(
      'clip_too_large',
      'conform',
      `Expected at most ${most} million pixels in all frames together (1920x1080 at 60 for ${maxSeconds} s), got ` +
        `${millions} million. Export it smaller or shorter, ask for a smaller output, or raise MAX_CLIP_SECONDS.`,
    );
  }
}

/** About how many pictures are decoded for the part, from where seeking leads to its end. */
function framesDecoded({ probe: { video }, profile: { rate }, trim }: ConformSize): number {
  if (trim === undefined) return video.decoded;
  const ahead = secondsAhead(video, rate);
  const begin = skippedSeconds(video, 'picture', trim.startSeconds + ahead);
  const end = Math.min(video.seconds, (trim.endSeconds ?? video.seconds) + ahead);
  return Math.ceil((video.decoded * Math.max(0, end - begin)) / video.seconds);
}

/** How many frames the clip should have, by its picture: at least one. */
export function framesFor(size: Omit<ConformSize, 'maxSeconds'>): number {
  const { first, frames } = partOf(size.trim, size.profile.rate);
  return Math.max(1, Math.min(first + frames, wholeFramesFor(size)) - first);
}

/** How many frames the whole clip would have, by its picture. */
export function wholeFramesFor({
  probe,
  profile,
  stillSeconds = DEFAULT_STILL_SECONDS,
}: Omit<ConformSize, 'maxSeconds'>): number {
  const { video } = probe;
  const seconds = video.still ? stillSeconds : video.seconds - secondsAhead(video, profile.rate);
  return Math.max(1, Math.round(seconds * framesPerSecond(profile.rate)));
}

/**
 * By how many seconds sound must outlast the picture to be meant: a slide, a screen that stands still, a picture under
 * speech. Encoders pad the sound by a tenth of a second, and cameras end it up to half a second after the picture. A
 * second, and a packet that may reach beyond it.
 */
const LONGER_SECONDS = 1.05;

/** Whether the sound goes on for so long after the picture that someone may miss it. Both in seconds. */
export function isSoundLonger(sound: number, picture: number): boolean {
  return sound - picture > LONGER_SECONDS;
}

/**
 * How many frames the clip should have if its last picture is held to the end of that much sound, within the limits.
 * Throws PermanentError 'trim_empty' if it ends before the part begins.
 * @param soundSeconds of the whole clip
 */
export function framesHeld(size: ConformSize, soundSeconds: number): number {
  const { trim, profile, exactly } = size;
  if (exactly !== undefined) return exactly;
  const { first, frames } = partOf(trim, profile.rate);
  const whole = wholeFramesHeld(size, soundSeconds);
  if (trim !== undefined && whole <= first)
    throw beyondEnd(trim, whole / framesPerSecond(profile.rate), 'conform');
  return Math.min(first + frames, whole) - first;
}

/** Of the whole clip; what is held counts from the part's first frame on. */
export function wholeFramesHeld(size: ConformSize, soundSeconds: number): number {
  const { profile, maxSeconds, largestPixels = pixelsOf(profile), trim } = size;
  const fps = framesPerSecond(profile.rate);
  const own = wholeFramesFor(size);
  if (size.probe.video.still || !isSoundLonger(soundSeconds, own / fps)) return own;
  const affordable = Math.floor((PIXELS_PER_SECOND * maxSeconds) / largestPixels);
  const { first } = partOf(trim, profile.rate);
  const most = first + Math.min(Math.floor(maxSeconds * fps), affordable);
  return Math.max(own, Math.min(Math.round(soundSeconds * fps), most));
}

/** Whether its last picture may be held for a shorter time than if the clip had no larger format. */
export function isHeldShorter({
  probe: { video, audio },
  own = true,
  largestPixels,
  ...size
}: Omit<ConformSize, 'probe'> & { probe: Probe; own?: boolean }): boolean {
  if (largestPixels === undefined || video === null || audio === null || !own) return false;
  const alone = { ...size, probe: { video, audio, seconds: null } };
  return wholeFramesHeld({ ...alone, largestPixels }, audio.seconds) < wholeFramesHeld(alone, audio.seconds);
}

/**
 * The heaviest job that should pass, 4K HDR to 4K, took 1.5 GB with one thread, 1.7 with two, 2.0 with four and 2.6 with
 * eight. 8K ProRes 4444 to 1080x1920 took less. Each further profile in 4K took 0.57 GB with two threads.
 */
export function conformMemoryMb(threads: number, profiles = 1): number {
  return 1280 + 256 * threads + (profiles - 1) * (384 + 128 * threads);
}

/** Of 1920x1080 and of 4K. */
const HD_PIXELS = 1920 * 1088;
const UHD_PIXELS = 3840 * 2160;

type UsualSize = Pick<ConformSize, 'profile' | 'others' | 'overlays'> & { probe: Probe };

/**
 * What encoding the clip usually takes, for deciding how many run together: measured 230 to 350 MB for H.264 up to 1080p,
 * 550 to 700 for 4K, and 1.5 to 1.8 GB for 4K HDR to 4K. Other codecs and transparency were not measured: half more. Each
 * further profile took 100 to 165 MB more up to 1080p, and 530 to 570 in 4K.
 */
export function usualMemoryMb({ probe, ...size }: UsualSize): number {
  const { video } = probe;
  if (video === null) return 0;
  const [largest = 0, ...others] = profilesOf(size)
    .map(pixelsOf)
    .toSorted((one, other) => other - one);
  const uhd = beyondHd(Math.max(video.pixels, largest));
  const standard = 300 + 400 * uhd;
  const odd = video.codec !== 'h264' || video.alpha ? 1.5 : 1;
  const mb = video.hdr === null ? standard * odd : 450 + 1350 * uhd;
  const more = others.reduce((sum, pixels) => sum + 165 + 405 * beyondHd(pixels), 0);
  const burned = overlaysMemoryMb(size.overlays ?? [], profilesOf(size));
  return Math.round(Math.min(mb + more, conformMemoryMb(2, 1 + others.length)) + burned);
}

/** 0 up to 1920x1080, and 1 for 4K. */
function beyondHd(pixels: number): number {
  return Math.max(0, (pixels - HD_PIXELS) / (UHD_PIXELS - HD_PIXELS));
}

/** By the pixels to decode and to encode: from two minutes to half an hour. */
export function conformTimeoutMs(
  input: Omit<ConformSize, 'maxSeconds'>,
  frames: number = framesFor(input),
): number {
  const { pixels, decoded } = input.probe.video;
  const made = profilesOf(input).reduce((sum, profile) => sum + pixelsOf(profile), 0);
  const ms = LEAST_TIMEOUT_MS + ((pixels * decoded + made * frames) / SLOWEST_PIXELS_PER_SECOND) * 1000;
  return Math.min(ms, LONGEST_TIMEOUT_MS);
}

/** Twice the size of the longest clip at the encoder's highest bit rate, or of that clip's sound if it is larger. */
function fileMb({ maxSeconds, ...size }: ConformSize): number {
  const maxrate = Math.max(...profilesOf(size).map((profile) => h264Level(profile).maxrate));
  const video = Math.ceil((2 * (maxrate / 8) * (maxSeconds + 2)) / 1000) + 1;
  return Math.max(video, pcmMb(maxSeconds));
}

/** For the run that makes so many frames in each of its profiles. */
export function conformLimits(
  input: ConformSize & { threads: number },
  frames: number,
  timeLeftMs: number,
): RunLimits {
  const profiles = profilesOf(input);
  return {
    timeoutMs: Math.min(conformTimeoutMs(input, frames), timeLeftMs),
    memoryMb:
      conformMemoryMb(input.threads, profiles.length) + overlaysMemoryMb(input.overlays ?? [], profiles),
    fileMb: fileMb(input),
  };
}

/** Of the pictures that one run makes. */
export function profilesOf({ profile, others = [] }: Pick<ConformSize, 'profile' | 'others'>): Profile[] {
  return [profile, ...others.map((other) => other.profile)];
}

export function pixelsOf({ width, height }: Pick<Profile, 'width' | 'height'>): number {
  return width * height;
}
