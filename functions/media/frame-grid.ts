/** Finds the rate and the grid that the frames of a clip keep, from their times. Pure. */
import { type FrameRate, framesPerSecond, STANDARD_RATES } from '../model/frame-rate.ts';

/** Fewer packets say too little about a rate. */
const LEAST_PACKETS = 10;
/** A constant rate this near to a standard one counts as that one. 29.97 and 30 are 0.1 % apart. */
const SAME_RATE = 0.0009;
const SAME_VARIABLE_RATE = 0.03;
/** If more than this share of the gaps is unusual, the rate is variable. Up to it, they are dropped frames. */
const VARIABLE = 0.02;

/**
 * Frames per second from the frames themselves: the standard rate that they keep, or else the measured one. `fallback`
 * is the header's rate, used if there are too few frames.
 */
export function measureRate(times: Float64Array, fallback: number): FrameRate {
  const gaps = times.slice(1).map((time, at) => time - (times[at] as number));
  const median = gaps.toSorted()[gaps.length >> 1] ?? 0;
  if (times.length < LEAST_PACKETS || median <= 0) return standard(fallback, SAME_RATE) ?? exact(fallback);
  // Containers with millisecond timestamps round each of them by up to 1 ms.
  const off = gaps.filter((gap) => Math.abs(gap - median) > 0.25 * median + 0.0011);
  if (off.length === 0) {
    const fps = 1 / slope(times);
    return standard(fps, SAME_RATE) ?? exact(fps);
  }
  // The rate apart from pauses and dropped frames.
  const running = gaps.filter((gap) => Math.abs(gap - median) <= 0.25 * median + 0.0011);
  const fps = running.length / running.reduce((sum, gap) => sum + gap, 0);
  const within = off.length <= gaps.length * VARIABLE ? SAME_RATE : SAME_VARIABLE_RATE;
  return standard(fps, within) ?? standard(1 / median, within) ?? exact(fps);
}

/** In frames. At half a frame from its place on the grid, a frame could just as well be the next one. */
const MOST_OFF_GRID = 0.45;

/**
 * When a grid of this rate begins that has exactly one frame on each place, in seconds. Null if there is no such grid,
 * because frames were dropped or the rate drifts.
 */
export function gridStart(times: Float64Array, rate: FrameRate): number | null {
  if (times.length === 0) return null;
  const frame = rate.den / rate.num;
  const offsets = times.map((time, at) => time - at * frame);
  const [least, most] = [Math.min, Math.max].map((pick) => offsets.reduce((one, other) => pick(one, other)));
  const start = Math.round(((least as number) + (most as number)) * 5e5) / 1e6 + 0;
  return (most as number) - start < MOST_OFF_GRID * frame ? start : null;
}

/**
 * Seconds per frame by least squares. First and last timestamp alone are not precise enough: in a phone's clip every
 * timestamp wavers by some milliseconds, and in whole milliseconds a gap of 1/60 s is 17.
 */
function slope(times: Float64Array): number {
  const middle = (times.length - 1) / 2;
  const sum = times.reduce((total, time, at) => total + (at - middle) * time, 0);
  return sum / times.reduce((total, _, at) => total + (at - middle) ** 2, 0);
}

function standard(fps: number, within: number): FrameRate | undefined {
  const distance = (rate: FrameRate) => Math.abs(framesPerSecond(rate) / fps - 1);
  const [nearest] = STANDARD_RATES.filter((rate) => distance(rate) <= within).toSorted(
    (one, other) => distance(one) - distance(other),
  );
  return nearest;
}

function exact(fps: number): FrameRate {
  return { num: Math.max(1, Math.round(fps * 1000)), den: 1000 };
}
