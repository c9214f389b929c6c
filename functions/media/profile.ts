/** Chooses the profile of a task's videos, and its H.264 level. */

import { type FrameRate, framesPerSecond, nearestStandardRate } from '../model/frame-rate.ts';
import type { Profile } from '../model/pins.ts';
import type { Plan, WantedOutput } from '../model/plan.ts';
import type { Probe } from '../model/probe.ts';

/** For clips that cannot be read, which most likely come from a phone held upright. */
const DEFAULT = { width: 1080, height: 1920, rate: { num: 30, den: 1 } };
/** One macroblock. Players do not accept smaller pictures. */
const LEAST_SIDE = 16;

export interface Level {
  name: string;
  /** Macroblocks of 16x16 pixels per picture. */
  picture: number;
  /** Macroblocks per second. */
  second: number;
  /** Highest bit rate that we use, in kbit/s; below the level's own limit for the High profile. */
  maxrate: number;
}

/** The levels of ITU-T H.264 table A-1 that matter to current players. Each allows three reference pictures. */
const LEVELS: readonly Level[] = [
  { name: '3.1', picture: 3_600, second: 108_000, maxrate: 12_000 },
  { name: '4.0', picture: 8_192, second: 245_760, maxrate: 16_000 },
  { name: '4.2', picture: 8_704, second: 522_240, maxrate: 24_000 },
  { name: '5.0', picture: 22_080, second: 589_824, maxrate: 40_000 },
  { name: '5.1', picture: 36_864, second: 983_040, maxrate: 60_000 },
  { name: '5.2', picture: 36_864, second: 2_073_600, maxrate: 80_000 },
];
const HIGHEST = LEVELS.at(-1) as Level;

type Size = Pick<Profile, 'width' | 'height'>;

/** A photo has several times the pixels of any film. Callers who want a larger video set its size. */
const LONGEST_STILL_SIDE = 1920;

/** The first readable clips, in block order. */
export interface FirstClips {
  any: Probe | undefined;
  /** The first that is not a still image, so that it has a rate. */
  moving: Probe | undefined;
}

/**
 * Takes what the caller wants. By default, the size is that of the first readable clip as displayed, in even numbers,
 * and the rate is the standard rate nearest to that of the first moving clip. Without clips it is 1080x1920 at 30. If
 * H.264 level 5.2 cannot carry the size, it is scaled down and keeps its shape.
 */
export function chooseProfile(wanted: WantedOutput, first: FirstClips): Profile {
  const rate = nearestStandardRate(wanted.fps ?? framesPerSecond(first.moving?.video?.rate ?? DEFAULT.rate));
  const shown = first.any?.video ?? DEFAULT;
  const { width, height } = 'still' in shown && shown.still ? within(shown, LONGEST_STILL_SIDE) : shown;
  const size = { width: wanted.width ?? width, height: wanted.height ?? height };
  const { fit, background } = wanted;
  return { ...fitting(size, rate), rate, fit, background };
}

/** Those of all formats of a plan, in their order, or the only one. All have the rate and the encoder of the first. */
export function formatProfiles(first: Profile, { formats }: Pick<Plan, 'formats'>): Profile[] {
  if (formats === undefined) return [first];
  return formats.map((format, at) => {
    const { fit, background } = format;
    return at === 0 ? first : { ...first, ...fitting(format, first.rate), fit, background };
  });
}

/** The lowest level that carries the profile, because old players refuse levels that they do not know. */
export function h264Level(profile: Size & Pick<Profile, 'rate'>): Level {
  return LEVELS.find((level) => fits(profile, profile.rate, level)) ?? HIGHEST;
}

/** Ticks per second, so that every frame lasts a whole number of ticks. */
export function timescale(rate: FrameRate): number {
  return rate.den === 1001 ? rate.num : rate.num * 1000;
}

/** Scales down, keeping the shape, until no side is longer than `side`. */
function within({ width, height }: Size, side: number): Size {
  const by = Math.min(1, side / Math.max(width, height));
  return { width: width * by, height: height * by };
}

function fitting({ width, height }: Size, rate: FrameRate): Size {
  const scaled = (by: number): Size => ({ width: even(width * by), height: even(height * by) });
  let by = 1;
  while (!fits(scaled(by), rate, HIGHEST)) by *= 0.99;
  return scaled(by);
}

function fits({ width, height }: Size, rate: FrameRate, level: Level): boolean {
  const across = Math.ceil(width / 16);
  const down = Math.ceil(height / 16);
  const longest = Math.sqrt(level.picture * 8);
  return (
    across * down <= level.picture &&
    across * down * framesPerSecond(rate) <= level.second &&
    Math.max(across, down) <= longest
  );
}

function even(length: number): number {
  return Math.max(LEAST_SIDE, 2 * Math.round(length / 2));
}
