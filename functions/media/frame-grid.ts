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
 * is the header's rate, used if there are too few frames. Where they leapt, times are only about right. `lasts`: how long
 * one frame is shown, in seconds, if that is known; fragments of few frames make the header's rate wrong.
 */
export function measureRate(
  times: Float64Array,
  fallback: number,
  { leaps = false, lasts = 0 }: { leaps?: boolean; lasts?: number } = {},
): FrameRate {
  const gaps = gapsBetween(times);
  const usualGap = median(gaps);
  if (times.length < LEAST_PACKETS || usualGap <= 0) {
    return standard(fallback, SAME_RATE) ?? standard(1 / lasts, SAME_VARIABLE_RATE) ?? exact(fallback);
  }
  // Containers with millisecond timestamps round each of them by up to 1 ms.
  const usual = 0.25 * usualGap + 0.0011;
  // The rate apart from pauses and dropped frames.
  let running = 0;
  let seconds = 0;
  for (const gap of gaps) {
    if (Math.abs(gap - usualGap) > usual) continue;
    running += 1;
    seconds += gap;
  }
  if (running === gaps.length && !leaps) {
    const fps = 1 / slope(times);
    return standard(fps, SAME_RATE) ?? exact(fps);
  }
  const fps = running / seconds;
  const isVariable = leaps || gaps.length - running > gaps.length * VARIABLE;
  const within = isVariable ? SAME_VARIABLE_RATE : SAME_RATE;
  return standard(fps, within) ?? standard(1 / usualGap, within) ?? exact(fps);
}

export function gapsBetween(times: Float64Array): Float64Array {
  const gaps = new Float64Array(Math.max(0, times.length - 1));
  for (let at = 0; at < gaps.length; at++) gaps[at] = (times[at + 1] as number) - (times[at] as number);
  return gaps;
}

/** 0 of nothing. */
export function median(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? 0;
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
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < times.length; at++) {
    const offset = (times[at] as number) - at * frame;
    least = Math.min(least, offset);
    most = Math.max(most, offset);
  }
  const start = Math.round((least + most) * 5e5) / 1e6 + 0;
  return most - start < MOST_OFF_GRID * frame ? start : null;
}

/** The largest distance of a frame from its place on the grid, in frames. The grid begins with the first frame. */
export function offGrid(times: Float64Array, rate: FrameRate): number {
  const [first = 0] = times;
  let most = 0;
  for (let at = 0; at < times.length; at++) {
    most = Math.max(most, Math.abs(((times[at] as number) - first) * framesPerSecond(rate) - at));
  }
  return most;
}

/**
 * Seconds per frame by least squares. First and last timestamp alone are not precise enough: in a phone's clip every
 * timestamp wavers by some milliseconds, and in whole milliseconds a gap of 1/60 s is 17.
 */
function slope(times: Float64Array): number {
  const middle = (times.length - 1) / 2;
  let [sum, squares] = [0, 0];
  for (let at = 0; at < times.length; at++) {
    sum += (at - middle) * (times[at] as number);
    squares += (at - middle) ** 2;
  }
  return sum / squares;
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
