/** Whether a clip's frames can be copied, as far as the probe knows. Pure. */
import { type FrameRate, framesPerSecond } from '../../model/frame-rate.ts';
import type { Profile } from '../../model/pins.ts';
import type { Trim } from '../../model/plan.ts';
import type { Probe } from '../../model/probe.ts';
import { secondsAhead } from '../conform-graph.ts';
import { type ConformSize, isSoundLonger, type PictureProbe, wholeFramesFor } from '../conform-limits.ts';
import { MOST_OFF_GRID } from '../mp4/sample-times.ts';
import { partOf } from '../trim.ts';
import { ANAMORPHIC, FULL_RANGE, HDR, INTERLACED } from './refused.ts';

type Video = PictureProbe['video'];
type Stored = NonNullable<Video['stored']>;

const CONTAINERS = ['mov', 'matroska'];
const LEAST_FRAMES = 2;
/** Later ones are filled with the first picture. */
const LATEST_START = 0.1;

/** Why a clip cannot be copied, by what is known without reading it again; undefined if it may be. */
export function unfitForCopy(probe: Probe, profile: Profile, trim?: Trim): string | undefined {
  const { video } = probe;
  if (video === null) return 'has no picture';
  if (video.still) return 'is a still picture';
  const { stored } = video;
  if (stored === undefined) return 'was looked at by an earlier version of the service';
  return (
    unfitPicture(video, stored) ??
    unlikeProfile(video, profile) ??
    unfitTimes({ ...probe, video }, stored, profile, trim)
  );
}

function unfitPicture({ codec, interlaced, hdr, alpha }: Video, stored: Stored): string | undefined {
  if (codec !== 'h264') return `has a picture in ${codec}, not in H.264`;
  if (!CONTAINERS.includes(stored.container))
    return `is a file of the format ${stored.container}, not MP4, MOV or Matroska`;
  if (hdr !== null) return HDR;
  if (alpha) return 'has transparency';
  if (stored.fullRange || stored.pixels === 'yuvj420p') return FULL_RANGE;
  if (stored.pixels !== 'yuv420p')
    return `has pictures in ${stored.pixels}, not in 8 bits and 4:2:0 (yuv420p)`;
  if (interlaced) return INTERLACED;
  if (stored.turned) return 'is turned or mirrored by a note in the file';
  if (!stored.square) return ANAMORPHIC;
  if (stored.sideData) return 'has something else beside its frames, such as a second header';
  return undefined;
}

function unlikeProfile({ width, height, rate }: Video, profile: Profile): string | undefined {
  if (width !== profile.width || height !== profile.height) {
    return `is ${width}x${height}, the videos ${profile.width}x${profile.height}`;
  }
  if (rate.num * profile.rate.den === profile.rate.num * rate.den) return undefined;
  return `has ${told(rate)} frames per second, the videos ${told(profile.rate)}`;
}

function told(rate: FrameRate): string {
  return String(Number(framesPerSecond(rate).toFixed(3)));
}

function unfitTimes(
  probe: PictureProbe,
  stored: Stored,
  profile: Profile,
  trim: Trim | undefined,
): string | undefined {
  const { video } = probe;
  const { packets, decoded, start } = video;
  if (stored.cut > 0 || packets !== decoded) {
    return 'has frames that an edit list cuts off, as cutting without encoding leaves them, or that are damaged';
  }
  if (packets < LEAST_FRAMES) return 'has only one frame';
  if (video.restarts || video.leaps.length > 0 || video.later !== null) return 'has timestamps that leap';
  if (!video.steady || stored.offGrid > MOST_OFF_GRID) return 'has no constant frame rate';
  if (start >= LATEST_START) return `has a picture that begins ${start.toFixed(2)} s late`;
  // A last frame that is shown for longer would be held. One that lasts a part of a frame lasts a whole one.
  const { first, frames } = partOf(trim, profile.rate);
  const isHeldAtEnd = video.held > 0 || wholeFramesFor({ probe, profile }) > packets;
  if (isHeldAtEnd && first + frames > packets) return 'holds its last picture for longer than a frame';
  return undefined;
}

/** Whether encoding would hold the last picture under the clip's own sound. */
export function isHeld({
  probe,
  profile,
  trim,
  own,
}: Omit<ConformSize, 'maxSeconds'> & { own: boolean }): boolean {
  const { audio, video } = probe;
  if (audio === null || !own || audio.refused !== null) return false;
  const { first, frames } = partOf(trim, profile.rate);
  const whole = wholeFramesFor({ probe, profile });
  if (first + frames <= whole) return false;
  const sound = audio.seconds - secondsAhead(video, profile.rate);
  return isSoundLonger(sound, whole / framesPerSecond(profile.rate));
}
